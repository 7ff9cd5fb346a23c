// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happens at a breakpoint: a call of the kernel begins or returns.
 *
 * A call instruction is not executed but emulated, or skipped if the call is to fail. A breakpoint on the instruction
 * after it, set while the call runs, shows the result. A jump at a function's end ("tail call") is emulated as a call
 * that returns to a pad of the tracer. Only the module under test is slowed down or made to fail.
 */
#include <linux/kdebug.h>
#include <linux/mm.h>
#include <asm/text-patching.h>
#include "calls.h"

#define MAX_OPEN_CALLS 32

struct site sites[MAX_SITES];

static struct open_call open_calls[MAX_OPEN_CALLS];
static u32 open_call_count;

/* To a stack unwinder, the pad looks like a function that was called. */
asm(".pushsection .text, \"ax\"\n"
    ".type kmodlab_pad, @function\n"
    ".globl kmodlab_pad\n"
    "kmodlab_pad:\n"
    "	nop\n"
    "	nop\n"
    "	" ASM_RET
    ".size kmodlab_pad, . - kmodlab_pad\n"
    ".popsection\n");
extern char kmodlab_pad[];
static struct alias pad_alias;
#define PAD_RETURN ((unsigned long)kmodlab_pad + 1)

/* ---- context ----------------------------------------------------------------------------------------------------- */

/*
 * The preemption count before the breakpoint, whose own handler adds to it. So does the notifier chain that calls us, if
 * an RCU read-side section is one without preemption (__rcu_read_lock in include/linux/rcupdate.h).
 */
static unsigned int original_count(void)
{
	unsigned int count = preempt_count();

	if (!(count & NMI_MASK))
		return count;
	count -= NMI_OFFSET + HARDIRQ_OFFSET;
	return IS_ENABLED(CONFIG_PREEMPT_RCU) ? count : count - PREEMPT_DISABLE_OFFSET;
}

static const void *context_of(unsigned int count)
{
	if (!is_interrupting(count))
		return current;
	return count & HARDIRQ_MASK ? (void *)1 : (void *)2;
}

/* The innermost call of a context. Drops its calls below this place on the stack: they will never return. */
static struct open_call *innermost(const void *context, unsigned long stack)
{
	struct open_call *call = NULL;
	u32 from, to = 0;

	for (from = 0; from < open_call_count; from++) {
		if (open_calls[from].context == context && open_calls[from].stack < stack)
			continue;
		open_calls[to] = open_calls[from];
		if (open_calls[to].context == context)
			call = &open_calls[to];
		to++;
	}
	open_call_count = to;
	return call;
}

static u16 depth_of(const void *context)
{
	u32 at, depth = 0;

	for (at = 0; at < open_call_count; at++)
		depth += open_calls[at].context == context;
	return depth;
}

/* ---- a call returns ---------------------------------------------------------------------------------------------- */

static void finish_call(unsigned long return_address, struct pt_regs *regs)
{
	struct open_call *call = innermost(context_of(original_count()), regs->sp);

	if (!call || call->stack != regs->sp || call->return_address != return_address)
		return;
	if (call->overridden)
		regs->ax = plan.fail_value;
	else
		track_allocation(call->plan, call->site, regs->ax, call->size, call->nth, call->fenced);
	if (call->plan->flags & SITE_CACHE)
		track_cache(regs->ax, call->plain);
	record_return(call->record, regs);
	*call = open_calls[--open_call_count];
}

/* ---- a call begins ----------------------------------------------------------------------------------------------- */

static void get_arguments(const struct pt_regs *regs, unsigned long *arguments)
{
	arguments[0] = regs->di;
	arguments[1] = regs->si;
	arguments[2] = regs->dx;
	arguments[3] = regs->cx;
	arguments[4] = regs->r8;
	arguments[5] = regs->r9;
}

/* Continue as if the call had been made and had returned. */
static void skip_call(struct pt_regs *regs, const struct open_call *call)
{
	record_return(call->record, regs);
	if (sites[call->site].plan.flags & SITE_JUMP)
		int3_emulate_ret(regs);
	else
		regs->ip = call->return_address;
}

static void make_call(struct pt_regs *regs, const struct open_call *call, unsigned long target)
{
	struct breakpoint *after = find_breakpoint(call->return_address);

	if (open_call_count < MAX_OPEN_CALLS && (call->record || call->plan->allocates)) {
		open_calls[open_call_count++] = *call;
		if (after && !after->plan.flags)
			poke(after, INT3_INSN_OPCODE);
	}
	int3_emulate_push(regs, call->return_address);
	int3_emulate_jmp(regs, target);
}

static void fail_call(struct pt_regs *regs, struct open_call *call)
{
	unsigned long half = half_function();

	if (call->record)
		call->record->flags |= INJECTED;
	call->overridden = true;
	if (half) {
		make_call(regs, call, half);
	} else {
		regs->ax = plan.fail_value;
		skip_call(regs, call);
	}
}

/* The called function is unknown: make the call as if there were no breakpoint. */
static void pass_call(struct pt_regs *regs, const struct breakpoint *breakpoint, unsigned long target)
{
	const struct plan_site *site = &sites[breakpoint->plan.site].plan;

	if (!(site->flags & SITE_JUMP))
		int3_emulate_push(regs, breakpoint->address + site->length);
	int3_emulate_jmp(regs, target);
}

static void begin_call(struct breakpoint *breakpoint, struct pt_regs *regs)
{
	u16 number = breakpoint->plan.site;
	struct site *site = &sites[number];
	bool jump = site->plan.flags & SITE_JUMP;
	unsigned long arguments[ARGUMENTS];
	unsigned int count = original_count();
	struct open_call call = {
		.context = context_of(count), .stack = regs->sp, .site = number,
		.return_address = jump ? PAD_RETURN : breakpoint->address + site->plan.length,
	};
	struct target target;

	if (!find_target(breakpoint, regs, &target)) {
		pass_call(regs, breakpoint, target.address);
		return;
	}
	call.plan = target.plan;
	call.nth = ++site->hits;
	get_arguments(regs, arguments);
	innermost(call.context, regs->sp + 1);
	call.record = record_call(number, &target, count, depth_of(call.context), regs, arguments);
	call.size = call.plan->size_argument < ARGUMENTS ? arguments[call.plan->size_argument] : 0;
	if (call.plan->callback)
		track_callback(call.plan, number, arguments[call.plan->callback_argument]);
	if (call.plan->flags & SITE_CACHE)
		call.plain = is_plain_cache(arguments);
	if (is_to_fail(number, target.function, count)) {
		fail_call(regs, &call);
		return;
	}
	if (call.plan->frees) {
		if (!may_free(call.plan, number, call.nth, arguments)) {
			skip_call(regs, &call);
			return;
		}
		regs->di = translate_for_cache(regs->di);
		regs->si = translate_for_cache(regs->si);
	} else if (is_object_fenceable(call.plan, arguments)) {
		call.fenced = true;
		call.size = object_size(arguments[0]);
		target.address = (unsigned long)fenced_object_alloc;
	} else if (is_fenceable(call.plan, arguments)) {
		call.fenced = true;
		regs->di = arguments[call.plan->size_argument];
		regs->si = arguments[call.plan->flags_argument];
		target.address = (unsigned long)(call.plan->flags & SITE_GUARD ? guarded_alloc : fenced_alloc);
	}
	make_call(regs, &call, target.address);
}

/* ---- the breakpoint's handler ------------------------------------------------------------------------------------ */

static void enter_exit(const struct pt_regs *regs)
{
	unsigned long caller = 0;

	peek(&caller, regs->sp, sizeof(caller));
	if (phase != IN_INIT) {
		phase = IN_EXIT;
		phase_task = current;
	}
	record_event(EXIT, caller, 0);
}

static int on_breakpoint(struct notifier_block *block, unsigned long event, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;
	struct breakpoint *breakpoint;

	if (event != DIE_INT3 || user_mode(regs))
		return NOTIFY_DONE;
	if (regs->ip - INT3_INSN_SIZE == PAD_RETURN) {
		finish_call(PAD_RETURN, regs);
		int3_emulate_ret(regs);
		return NOTIFY_STOP;
	}
	breakpoint = find_breakpoint(regs->ip - INT3_INSN_SIZE);
	if (!breakpoint)
		return NOTIFY_DONE;
	finish_call(breakpoint->address, regs);
	if ((breakpoint->plan.flags & BREAKPOINT_EXIT) && phase != IN_EXIT)
		enter_exit(regs);
	if (is_call(breakpoint)) {
		if (!begin_interlude(breakpoint, regs, original_count()))
			begin_call(breakpoint, regs);
	} else {
		poke(breakpoint, breakpoint->original);
		regs->ip = breakpoint->address;
	}
	return NOTIFY_STOP;
}

static struct notifier_block breakpoint_block = { .notifier_call = on_breakpoint, .priority = INT_MAX };

/* ---- from the plan's arrival to the module's load ---------------------------------------------------------------- */

int make_calls(void)
{
	map_alias(&pad_alias, (void *)ALIGN_DOWN(PAD_RETURN, PAGE_SIZE), PAGE_SIZE);
	if (!pad_alias.writable)
		return -ENOMEM;
	*(u8 *)(pad_alias.writable + (PAD_RETURN - pad_alias.start)) = INT3_INSN_OPCODE;
	sync_core();
	return register_die_notifier(&breakpoint_block);
}

void forget_calls(void)
{
	forget_breakpoints();
	forget_injection();
	forget_interludes();
	forget_targets();
	open_call_count = 0;
}

bool is_call_sound(const struct plan_site *site)
{
	return site->base <= BASE_NEXT && site->displacement <= sizeof(s32) &&
	       max3(site->frees_argument, site->callback_argument, site->name_argument) < ARGUMENTS &&
	       site->flags_argument < ARGUMENTS &&
	       (site->size_argument < ARGUMENTS || (site->size_argument == NO_ARGUMENT &&
						    (site->allocates == ALLOCATES_CACHED || !(site->flags & SITE_FENCE))));
}

bool take_sites(const struct plan *head, const struct plan_site *site)
{
	u32 at;

	for (at = 0; at < head->sites; at++) {
		sites[at].plan = site[at];
		if (!is_call_sound(&site[at]))
			return false;
	}
	return true;
}

void trace_calls(const struct module *module)
{
	u32 at;

	open_call_count = 0;
	forget_targets();
	for (at = 0; at < plan.sites; at++)
		sites[at] = (struct site){ .plan = sites[at].plan };
	set_breakpoints(module);
}
