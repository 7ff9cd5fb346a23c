// SPDX-License-Identifier: GPL-2.0-or-later
/* What may run the module's code later, and must not once it is gone: timers, work, tasklets, threads. */
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include "tracer.h"

#define MAX_WATCHED 256
#define LONGEST_WAIT_MS 2000
#define MOMENT_MS 50

unsigned long text_start, text_end;

static struct watched {
	unsigned long address;
	u16 site;
	u8 sees;
} watched[MAX_WATCHED];
static u32 watched_count;

void forget_watched(void)
{
	watched_count = 0;
}

void watch(const struct plan_site *site, u16 number, unsigned long address)
{
	u32 at;

	for (at = 0; at < watched_count; at++)
		if (watched[at].address == address && watched[at].sees == site->sees)
			break;
	if (at == MAX_WATCHED)
		return;
	if (at == watched_count)
		watched_count++;
	watched[at] = (struct watched){ .address = address, .site = number, .sees = site->sees };
}

/* What can be seen of one without trusting that its memory is still there. */
struct glimpse {
	bool active;
	unsigned long function;
	unsigned long wait; /* until it is due, in jiffies */
};

static struct glimpse glimpse_timer(unsigned long address)
{
	struct timer_list timer;

	if (!peek(&timer, address, sizeof(timer)) || !timer.entry.pprev)
		return (struct glimpse){};
	return (struct glimpse){ true, (unsigned long)timer.function,
				 time_after(timer.expires, jiffies) ? timer.expires - jiffies : 0 };
}

static struct glimpse glimpse_hrtimer(unsigned long address)
{
	struct hrtimer timer;
	ktime_t left;

	if (!peek(&timer, address, sizeof(timer)) || !(timer.state & HRTIMER_STATE_ENQUEUED))
		return (struct glimpse){};
	left = ktime_sub(timer.node.expires, timer.base->get_time());
	return (struct glimpse){ true, (unsigned long)timer.function, left > 0 ? nsecs_to_jiffies(left) + 1 : 0 };
}

static struct glimpse glimpse_work(unsigned long address)
{
	struct work_struct work;

	if (!peek(&work, address, sizeof(work)) || !work.func)
		return (struct glimpse){};
	return (struct glimpse){ work_busy((struct work_struct *)address), (unsigned long)work.func, 0 };
}

static struct glimpse glimpse_delayed_work(unsigned long address)
{
	struct glimpse work = glimpse_work(address + offsetof(struct delayed_work, work));

	work.wait = glimpse_timer(address + offsetof(struct delayed_work, timer)).wait;
	return work;
}

static struct glimpse glimpse_tasklet(unsigned long address)
{
	struct tasklet_struct tasklet;

	if (!peek(&tasklet, address, sizeof(tasklet)) || !tasklet.state)
		return (struct glimpse){};
	return (struct glimpse){ true, (unsigned long)tasklet.func, 0 };
}

/* Before it calls the function, the kernel takes it out (rcu_do_batch in kernel/rcu/tree.c). */
static struct glimpse glimpse_rcu(unsigned long address)
{
	struct rcu_head head;
	unsigned long function;

	if (!peek(&head, address, sizeof(head)))
		return (struct glimpse){};
	function = (unsigned long)head.func;
	return (struct glimpse){ function >= text_start && function < text_end, function, 0 };
}

static struct glimpse glimpse_at(const struct watched *watched)
{
	switch (watched->sees) {
	case SEES_TIMER:
		return glimpse_timer(watched->address);
	case SEES_HRTIMER:
		return glimpse_hrtimer(watched->address);
	case SEES_WORK:
		return glimpse_work(watched->address);
	case SEES_DELAYED_WORK:
		return glimpse_delayed_work(watched->address);
	case SEES_TASKLET:
		return glimpse_tasklet(watched->address);
	case SEES_RCU:
		return glimpse_rcu(watched->address);
	}
	return (struct glimpse){};
}

void record_active(void)
{
	u32 at;

	for (at = 0; at < watched_count; at++) {
		struct glimpse seen = glimpse_at(&watched[at]);
		struct record *record = seen.active ? new_record(ACTIVE, watched[at].site) : NULL;

		if (record) {
			record->arguments[0] = watched[at].sees;
			record->arguments[1] = watched[at].address;
			record->arguments[2] = seen.function;
		}
	}
}

/* Memory is freed in which something is pending that will run: whatever happens then, it is a use after free. */
void record_freed_active(u16 number, unsigned long start, u32 size)
{
	u32 at;

	for (at = 0; at < watched_count; at++) {
		struct glimpse seen = {};
		struct record *record;

		if (watched[at].address >= start && watched[at].address < start + size)
			seen = glimpse_at(&watched[at]);
		record = seen.active ? new_record(FREED_ACTIVE, number) : NULL;
		if (record) {
			record->arguments[0] = watched[at].sees;
			record->arguments[1] = watched[at].address;
			record->arguments[2] = seen.function;
			record->arguments[3] = watched[at].site;
		}
	}
}

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

/* Until everything that is due soon was, and threads had a moment. Returns how many such things there are. */
u32 wait_for_callbacks(void)
{
	unsigned long wait = 0;
	u32 at, busy = count_threads(false);

	for (at = 0; at < watched_count; at++) {
		struct glimpse seen = glimpse_at(&watched[at]);

		busy += seen.active;
		if (seen.active && seen.wait <= msecs_to_jiffies(LONGEST_WAIT_MS))
			wait = max(wait, seen.wait);
	}
	if (busy)
		schedule_timeout_uninterruptible(wait + msecs_to_jiffies(MOMENT_MS));
	return busy;
}
