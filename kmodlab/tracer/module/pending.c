// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds what may still run the module's code after it was unloaded: timers, work, tasklets, RCU callbacks, threads. */
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/timer.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include "tracer.h"

#define MAX_CALLBACKS 256
#define LONGEST_WORK_TICKS 100

unsigned long text_start, text_end;

static struct callback {
	unsigned long address;
	u16 site;
	u8 kind;
} callbacks[MAX_CALLBACKS];
static u32 callback_count;

void forget_callbacks(void)
{
	callback_count = 0;
}

void track_callback(const struct plan_site *site, u16 number, unsigned long address)
{
	u32 at;

	for (at = 0; at < callback_count; at++)
		if (callbacks[at].address == address && callbacks[at].kind == site->callback)
			break;
	if (at == MAX_CALLBACKS)
		return;
	if (at == callback_count)
		callback_count++;
	callbacks[at] = (struct callback){ .address = address, .site = number, .kind = site->callback };
}

/* What can be state of one without trusting that its memory is still there. */
struct callback_state {
	bool active;
	unsigned long function;
};

static struct callback_state state_of_timer(unsigned long address)
{
	struct timer_list timer;

	if (!peek(&timer, address, sizeof(timer)) || !timer.entry.pprev)
		return (struct callback_state){};
	return (struct callback_state){ true, (unsigned long)timer.function };
}

static struct callback_state state_of_hrtimer(unsigned long address)
{
	struct hrtimer timer;

	if (!peek(&timer, address, sizeof(timer)) || !(timer.state & HRTIMER_STATE_ENQUEUED))
		return (struct callback_state){};
	return (struct callback_state){ true, (unsigned long)timer.function };
}

static struct callback_state state_of_work(unsigned long address)
{
	struct work_struct work;

	if (!peek(&work, address, sizeof(work)) || !work.func)
		return (struct callback_state){};
	return (struct callback_state){ work_busy((struct work_struct *)address), (unsigned long)work.func };
}

static struct callback_state state_of_delayed_work(unsigned long address)
{
	return state_of_work(address + offsetof(struct delayed_work, work));
}

static struct callback_state state_of_tasklet(unsigned long address)
{
	struct tasklet_struct tasklet;

	if (!peek(&tasklet, address, sizeof(tasklet)) || !tasklet.state)
		return (struct callback_state){};
	return (struct callback_state){ true, (unsigned long)tasklet.func };
}

/* The kernel clears the function before it calls it (rcu_do_batch in kernel/rcu/tree.c). */
static struct callback_state state_of_rcu(unsigned long address)
{
	struct rcu_head head;
	unsigned long function;

	if (!peek(&head, address, sizeof(head)))
		return (struct callback_state){};
	function = (unsigned long)head.func;
	return (struct callback_state){ function >= text_start && function < text_end, function };
}

static struct callback_state state_of(const struct callback *callback)
{
	switch (callback->kind) {
	case CALLBACK_TIMER:
		return state_of_timer(callback->address);
	case CALLBACK_HRTIMER:
		return state_of_hrtimer(callback->address);
	case CALLBACK_WORK:
		return state_of_work(callback->address);
	case CALLBACK_DELAYED_WORK:
		return state_of_delayed_work(callback->address);
	case CALLBACK_TASKLET:
		return state_of_tasklet(callback->address);
	case CALLBACK_RCU:
		return state_of_rcu(callback->address);
	}
	return (struct callback_state){};
}

void record_active_callbacks(void)
{
	u32 at;

	for (at = 0; at < callback_count; at++) {
		struct callback_state state = state_of(&callbacks[at]);
		struct record *record = state.active ? new_record(ACTIVE, callbacks[at].site) : NULL;

		if (record) {
			record->arguments[0] = callbacks[at].kind;
			record->arguments[1] = callbacks[at].address;
			record->arguments[2] = state.function;
		}
	}
}

/*
 * A work item may free itself in its function (process_one_work in kernel/workqueue.c), unless it is queued again.
 * current_work() would tell whose function it is, but returns NULL in the exception in which a kprobe is handled.
 */
static bool may_free_itself(const struct callback *callback)
{
	struct work_struct *work = (struct work_struct *)callback->address;

	if (callback->kind == CALLBACK_DELAYED_WORK)
		work = &((struct delayed_work *)callback->address)->work;
	else if (callback->kind != CALLBACK_WORK)
		return false;
	return (current->flags & PF_WQ_WORKER) && !in_serving_softirq() && !work_pending(work);
}

/* Memory is freed while a callback in it is pending: the kernel will use it after the free. */
void record_freed_callbacks(u16 number, unsigned long start, u32 size)
{
	u32 at;

	for (at = 0; at < callback_count; at++) {
		struct callback_state state = {};
		struct record *record;

		if (callbacks[at].address >= start && callbacks[at].address < start + size &&
		    !may_free_itself(&callbacks[at]))
			state = state_of(&callbacks[at]);
		record = state.active ? new_record(FREED_ACTIVE, number) : NULL;
		if (record) {
			record->arguments[0] = callbacks[at].kind;
			record->arguments[1] = callbacks[at].address;
			record->arguments[2] = state.function;
			record->arguments[3] = callbacks[at].site;
		}
	}
}

/* ---- made to run ------------------------------------------------------------------------------------------------- */

static bool stop_timer(struct timer_list *timer)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
	return timer_delete(timer);
#else
	return del_timer(timer);
#endif
}

/* As call_timer_fn in kernel/time/timer.c does it: in a softirq, which may have interrupted the current task. */
static void expire(struct timer_list *timer)
{
	bool masked = timer->flags & TIMER_IRQSAFE;
	unsigned long flags = 0;

	if (!stop_timer(timer))
		return;
	preempt_count_add(SOFTIRQ_OFFSET);
	if (masked)
		local_irq_save(flags);
	timer->function(timer);
	if (masked)
		local_irq_restore(flags);
	preempt_count_sub(SOFTIRQ_OFFSET);
}

static void expire_timer_of(const struct callback *callback)
{
	unsigned long timer = callback->address;

	if (callback->kind == CALLBACK_DELAYED_WORK)
		timer += offsetof(struct delayed_work, timer);
	else if (callback->kind != CALLBACK_TIMER)
		return;
	if (state_of_timer(timer).active)
		expire((struct timer_list *)timer);
}

static bool is_work_pending(void)
{
	u32 at;

	for (at = 0; at < callback_count; at++)
		if ((callbacks[at].kind == CALLBACK_WORK || callbacks[at].kind == CALLBACK_DELAYED_WORK) &&
		    state_of(&callbacks[at]).active)
			return true;
	return false;
}

void let_callbacks_run(void)
{
	u32 at, ticks;

	for (at = 0; at < callback_count; at++)
		expire_timer_of(&callbacks[at]);
	/* It may wait for a lock that exit holds. */
	for (ticks = 0; ticks < LONGEST_WORK_TICKS && is_work_pending(); ticks++)
		schedule_timeout_uninterruptible(1);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static bool runs_module(struct task_struct *task)
{
	unsigned long function;

	if (!(task->flags & PF_KTHREAD) || (task->flags & PF_EXITING))
		return false;
	function = (unsigned long)kthread_func(task);
	return function >= text_start && function < text_end;
}

u32 count_threads(bool write)
{
	struct task_struct *task;
	u32 count = 0;

	rcu_read_lock();
	for_each_process(task) {
		struct record *record;

		if (!runs_module(task))
			continue;
		count++;
		record = write ? new_record(THREAD, NO_SITE) : NULL;
		if (record) {
			record->arguments[0] = task->pid;
			record->arguments[1] = (unsigned long)kthread_func(task);
			record->arguments[2] = (unsigned long)task;
			copy_text(record->text, sizeof(task->comm), task->comm);
		}
	}
	rcu_read_unlock();
	return count;
}

/* Callbacks that are scheduled or run, and threads. */
u32 count_active(void)
{
	u32 at, count = count_threads(false);

	for (at = 0; at < callback_count; at++)
		count += state_of(&callbacks[at]).active;
	return count;
}
