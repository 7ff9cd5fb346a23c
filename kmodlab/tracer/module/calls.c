// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Breakpoints in the module under test, where it calls the kernel.
 *
 * They are not kprobes: registering one takes milliseconds under emulation (jump_label_text_reserved decodes thousands
 * of instructions for each), and single-stepping is not needed. A call instruction is not executed but imitated, or
 * left out when the call is to fail. A breakpoint behind it, set while the call is under way, shows the result. A jump
 * at a function's end ("tail call") is imitated as a call that returns to a pad of ours. Nothing but the module under
 * test is slowed down or made to fail.
 */
#include <linux/device.h>
#include <linux/hash.h>
#include <linux/kdebug.h>
#include <linux/kobject.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/sched/clock.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <asm/text-patching.h>
#include "tracer.h"

#define MAX_PENDING 32
#define PER_SITE 256 /* calls of one site, in one load, that get a record */
#define SPOT_HASH_BITS 11

static struct plan_section sections[MAX_SECTIONS];
static unsigned long bases[MAX_SECTIONS];

static struct site {
	struct plan_site plan;
	u32 hits, recorded;
	struct record *last;
} sites[MAX_SITES];

static struct spot {
	struct plan_spot plan;
	unsigned long address;
	u8 *writable; /* the same byte, where it can be written */
	u8 original;
} spots[MAX_SPOTS];
static u16 spot_at[1 << SPOT_HASH_BITS]; /* index + 1 */

/* ---- breakpoints ----------------------------------------------------------------------------------------------- */

/* The module's code once more, writable; it is read-only where it runs. */
static struct alias {
	unsigned long start, end;
	void *writable;
} aliases[2];

static void map_alias(struct alias *alias, void *start, unsigned long size)
{
	unsigned long at, count = PAGE_ALIGN(size) >> PAGE_SHIFT;
	struct page **pages = kvmalloc_array(count ?: 1, sizeof(*pages), GFP_KERNEL);

	vunmap(alias->writable);
	*alias = (struct alias){ (unsigned long)start, (unsigned long)start + size };
	for (at = 0; pages && at < count; at++)
		pages[at] = vmalloc_to_page(start + at * PAGE_SIZE);
	if (pages && count)
		alias->writable = vmap(pages, count, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
}

static u8 *find_writable(unsigned long address)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(aliases); at++)
		if (aliases[at].writable && address >= aliases[at].start && address < aliases[at].end)
			return aliases[at].writable + (address - aliases[at].start);
	return NULL;
}

static struct spot *find_spot(unsigned long address)
{
	u32 at = hash_long(address, SPOT_HASH_BITS);

	for (; spot_at[at]; at = (at + 1) % ARRAY_SIZE(spot_at))
		if (spots[spot_at[at] - 1].address == address)
			return &spots[spot_at[at] - 1];
	return NULL;
}

static void remember_spot(struct spot *spot)
{
	u32 at = hash_long(spot->address, SPOT_HASH_BITS);

	while (spot_at[at])
		at = (at + 1) % ARRAY_SIZE(spot_at);
	spot_at[at] = spot - spots + 1;
}

static void poke(struct spot *spot, u8 byte)
{
	WRITE_ONCE(*spot->writable, byte);
	sync_core();
}

static bool is_call(const struct spot *spot)
{
	return spot->plan.flags & SPOT_CALL;
}

static void place(struct spot *spot)
{
	unsigned long base = spot->plan.section < plan.sections ? bases[spot->plan.section] : 0;
	u8 expected;

	spot->address = base + spot->plan.offset;
	spot->writable = base ? find_writable(spot->address) : NULL;
	if (!spot->writable) {
		spot->address = 0;
		note(UNPROBED, spot - spots, 0);
		return;
	}
	spot->original = *spot->writable;
	if (is_call(spot)) {
		expected = sites[spot->plan.site].plan.flags & SITE_JUMP ? JMP32_INSN_OPCODE : CALL_INSN_OPCODE;
		if (spot->original != expected) {
			spot->address = 0;
			note(UNPROBED, spot - spots, spot->original);
			return;
		}
	}
	remember_spot(spot);
	if (spot->plan.flags)
		poke(spot, INT3_INSN_OPCODE);
}

static void find_sections(const struct module *module)
{
	const struct mod_kallsyms *symbols = rcu_dereference_raw(module->kallsyms);
	u32 at;

	for (at = 0; at < plan.sections; at++) {
		bases[at] = 0;
		if (symbols && sections[at].symbol < symbols->num_symtab)
			bases[at] = symbols->symtab[sections[at].symbol].st_value - sections[at].value;
		note(SECTION, at, bases[at]);
	}
}

static void map_text(const struct module *module)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	map_alias(&aliases[0], module->core_layout.base, module->core_layout.text_size);
	map_alias(&aliases[1], module->init_layout.base, module->init_layout.text_size);
#else
	map_alias(&aliases[0], module->mem[MOD_TEXT].base, module->mem[MOD_TEXT].size);
	map_alias(&aliases[1], module->mem[MOD_INIT_TEXT].base, module->mem[MOD_INIT_TEXT].size);
#endif
	text_start = aliases[0].start;
	text_end = aliases[0].end;
}

void disarm_all(void)
{
	memset(spot_at, 0, sizeof(spot_at));
}

/*
 * What runs the module's code from now on must not meet a breakpoint that nobody knows. The code of init may be gone
 * already, and its memory somebody else's.
 */
void restore_all(void)
{
	u32 at;

	for (at = 0; at < plan.spots; at++)
		if (spots[at].address >= text_start && spots[at].address < text_end)
			poke(&spots[at], spots[at].original);
	disarm_all();
}

/* ---- calls under way ------------------------------------------------------------------------------------------- */

static struct pending {
	const void *context; /* the task, or the kind of interrupt that is on top of it */
	unsigned long stack, back;
	struct record *record;
	u64 size;
	u32 nth;
	u16 site;
	bool fenced, overridden;
} pendings[MAX_PENDING];
static u32 pending_count;

/* To whoever unwinds the stack, the pad is a function that was called instead of jumped to. */
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

/* The count as it was at the breakpoint, whose own handler adds to it. */
static unsigned int original_count(void)
{
	unsigned int count = preempt_count();

	return count & NMI_MASK ? count - NMI_OFFSET - HARDIRQ_OFFSET : count;
}

static bool is_interrupting(unsigned int count)
{
	return count & (HARDIRQ_MASK | SOFTIRQ_OFFSET);
}

/* The chain of handlers that leads here is itself in such a section. */
static bool is_reading_rcu(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RCU) && rcu_preempt_depth() > 1;
}

static const void *context_of(unsigned int count)
{
	if (!is_interrupting(count))
		return current;
	return count & HARDIRQ_MASK ? (void *)1 : (void *)2;
}

/* The innermost call of a context, once those are dropped whose place on the stack is below. */
static struct pending *innermost(const void *context, unsigned long stack)
{
	struct pending *found = NULL;
	u32 from, to = 0;

	for (from = 0; from < pending_count; from++) {
		if (pendings[from].context == context && pendings[from].stack < stack)
			continue;
		pendings[to] = pendings[from];
		if (pendings[to].context == context)
			found = &pendings[to];
		to++;
	}
	pending_count = to;
	return found;
}

static u16 depth_of(const void *context)
{
	u32 at, depth = 0;

	for (at = 0; at < pending_count; at++)
		depth += pendings[at].context == context;
	return depth;
}

static void note_return(struct record *record, const struct pt_regs *regs)
{
	if (!record)
		return;
	record->result = regs->ax;
	record->flags |= RETURNED;
	record->ended = local_clock();
}

static void finish_call(unsigned long back, struct pt_regs *regs)
{
	struct pending *pending = innermost(context_of(original_count()), regs->sp);
	struct site *site;

	if (!pending || pending->stack != regs->sp || pending->back != back)
		return;
	site = &sites[pending->site];
	if (pending->overridden)
		regs->ax = plan.fail_value;
	else
		hold(&site->plan, pending->site, regs->ax, pending->size, pending->nth, pending->fenced);
	note_return(pending->record, regs);
	*pending = pendings[--pending_count];
}

/* ---- a call that fails ----------------------------------------------------------------------------------------- */

static bool has_failed;

/*
 * Three functions do half of their work before they can fail, and leave it to the caller to undo that half. It is done
 * instead of them.
 */
static void half_device_register(struct device *device)
{
	device_initialize(device);
}

static void half_kobject_init_and_add(struct kobject *kobject, const struct kobj_type *type)
{
	kobject_init(kobject, (struct kobj_type *)type);
}

static void half_platform_device_register(struct platform_device *device)
{
	device_initialize(&device->dev);
}

static unsigned long stand_in(void)
{
	switch (plan.stand_in) {
	case 1:
		return (unsigned long)half_device_register;
	case 2:
		return (unsigned long)half_kobject_init_and_add;
	case 3:
		return (unsigned long)half_platform_device_register;
	}
	return 0;
}

static bool is_to_fail(u16 number, unsigned int count)
{
	if (has_failed || number != plan.fail_site || sites[number].hits != plan.fail_nth || phase != IN_INIT ||
	    is_interrupting(count))
		return false;
	has_failed = true;
	return true;
}

/* ---- a call begins --------------------------------------------------------------------------------------------- */

static void get_arguments(const struct pt_regs *regs, unsigned long *arguments)
{
	arguments[0] = regs->di;
	arguments[1] = regs->si;
	arguments[2] = regs->dx;
	arguments[3] = regs->cx;
	arguments[4] = regs->r8;
	arguments[5] = regs->r9;
}

static const char *pointer_at(const void *place)
{
	const char *pointer;

	return peek(&pointer, (unsigned long)place, sizeof(pointer)) ? pointer : NULL;
}

static const char *find_name(const struct plan_site *site, unsigned long argument)
{
	switch (site->name) {
	case NAME_TEXT:
		return (const char *)argument;
	case NAME_FIRST: /* the struct begins with a pointer to its name, as most do */
		return pointer_at((void *)argument);
	case NAME_MISC:
		return pointer_at(&((struct miscdevice *)argument)->name);
	case NAME_NETDEV:
		return ((struct net_device *)argument)->name;
	case NAME_PLATFORM:
		return pointer_at(&((struct platform_driver *)argument)->driver.name);
	case NAME_PCI:
		return pointer_at(&((struct pci_driver *)argument)->name);
	}
	return NULL;
}

/* Of a call that is made very often, the last one has a record too. */
static struct record *record_for(u16 number)
{
	struct site *site = &sites[number];
	struct record *last = site->last;

	if (site->recorded < PER_SITE) {
		site->last = new_record(CALL, number);
		site->recorded += !!site->last;
		return site->last;
	}
	if (!last || !(last->flags & RETURNED))
		return NULL;
	fill_record(last, CALL, number);
	return last;
}

static struct record *record_call(u16 number, unsigned int count, const struct pt_regs *regs, const unsigned long *arguments)
{
	struct site *site = &sites[number];
	struct record *record;
	const char *name;

	record = count_load(false) > plan.recorded_loads ? NULL : record_for(number);
	if (!record)
		return NULL;
	memcpy(record->arguments, arguments, sizeof(record->arguments));
	record->nth = site->hits;
	record->depth = depth_of(context_of(count));
	if (record->depth)
		record->flags |= NESTED;
	if (count || !(regs->flags & X86_EFLAGS_IF) || is_reading_rcu())
		record->flags |= ATOMIC;
	if (is_interrupting(count))
		record->flags |= IN_INTERRUPT;
	else if (current == phase_task)
		record->flags |= OWN_TASK;
	name = find_name(&site->plan, arguments[site->plan.name_argument]);
	if (name)
		copy_text(record->text, sizeof(record->text), name);
	return record;
}

/* Goes on as if the call had been made and had returned. */
static void skip_call(struct pt_regs *regs, const struct pending *pending)
{
	note_return(pending->record, regs);
	if (sites[pending->site].plan.flags & SITE_JUMP)
		int3_emulate_ret(regs);
	else
		regs->ip = pending->back;
}

static void make_call(struct pt_regs *regs, const struct pending *pending, unsigned long target)
{
	struct spot *after = find_spot(pending->back);

	if (pending_count < MAX_PENDING && (pending->record || sites[pending->site].plan.gives)) {
		pendings[pending_count++] = *pending;
		if (after && !after->plan.flags)
			poke(after, INT3_INSN_OPCODE);
	}
	int3_emulate_push(regs, pending->back);
	int3_emulate_jmp(regs, target);
}

static void begin_call(struct spot *spot, struct pt_regs *regs)
{
	u16 number = spot->plan.site;
	struct site *site = &sites[number];
	bool jump = site->plan.flags & SITE_JUMP;
	unsigned long arguments[ARGUMENTS], behind = spot->address + CALL_INSN_SIZE;
	unsigned long target = behind + *(s32 *)(spot->address + 1);
	unsigned int count = original_count();
	struct pending pending = {
		.context = context_of(count), .stack = regs->sp, .back = jump ? PAD_RETURN : behind,
		.site = number, .nth = ++site->hits
	};

	get_arguments(regs, arguments);
	innermost(pending.context, regs->sp + 1);
	pending.record = record_call(number, count, regs, arguments);
	pending.size = site->plan.size_argument < ARGUMENTS ? arguments[site->plan.size_argument] : 0;
	if (site->plan.sees)
		watch(&site->plan, number, arguments[site->plan.sees_argument]);
	if (is_to_fail(number, count)) {
		if (pending.record)
			pending.record->flags |= INJECTED;
		if (!stand_in()) {
			regs->ax = plan.fail_value;
			skip_call(regs, &pending);
			return;
		}
		target = stand_in();
		pending.overridden = true;
	} else if (site->plan.takes) {
		if (!may_free(&site->plan, number, pending.nth, arguments)) {
			skip_call(regs, &pending);
			return;
		}
	} else if (is_fenceable(&site->plan, arguments)) {
		pending.fenced = true;
		regs->di = arguments[site->plan.size_argument];
		regs->si = arguments[site->plan.flags_argument];
		target = (unsigned long)(site->plan.flags & SITE_GUARD ? guarded_alloc : fenced_alloc);
	}
	make_call(regs, &pending, target);
}

/* ---- the breakpoint's handler ---------------------------------------------------------------------------------- */

static void enter_exit(const struct pt_regs *regs)
{
	unsigned long caller = 0;

	peek(&caller, regs->sp, sizeof(caller));
	if (phase != IN_INIT) {
		phase = IN_EXIT;
		phase_task = current;
	}
	note(EXIT, caller, 0);
}

static int on_breakpoint(struct notifier_block *block, unsigned long event, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;
	struct spot *spot;

	if (event != DIE_INT3 || user_mode(regs))
		return NOTIFY_DONE;
	if (regs->ip - INT3_INSN_SIZE == PAD_RETURN) {
		finish_call(PAD_RETURN, regs);
		int3_emulate_ret(regs);
		return NOTIFY_STOP;
	}
	spot = find_spot(regs->ip - INT3_INSN_SIZE);
	if (!spot)
		return NOTIFY_DONE;
	finish_call(spot->address, regs);
	if (spot->plan.flags & SPOT_EXIT)
		enter_exit(regs);
	if (is_call(spot)) {
		begin_call(spot, regs);
	} else {
		poke(spot, spot->original);
		regs->ip = spot->address;
	}
	return NOTIFY_STOP;
}

static struct notifier_block breakpoint_block = { .notifier_call = on_breakpoint, .priority = INT_MAX };

/* ---- from the plan's arrival to the module's end --------------------------------------------------------------- */

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
	disarm_all();
	pending_count = 0;
	has_failed = false;
}

static bool is_site_sound(const struct plan_site *site)
{
	return max3(site->takes_argument, site->sees_argument, site->name_argument) < ARGUMENTS &&
	       site->flags_argument < ARGUMENTS &&
	       (site->size_argument < ARGUMENTS || (site->size_argument == NO_ARGUMENT && !(site->flags & SITE_FENCE)));
}

bool take_sites(const struct plan *head, const struct plan_section *section)
{
	const struct plan_site *site = (void *)(section + head->sections);
	const struct plan_spot *spot = (void *)(site + head->sites);
	u32 at;

	memcpy(sections, section, head->sections * sizeof(*section));
	for (at = 0; at < head->sites; at++) {
		sites[at].plan = site[at];
		if (!is_site_sound(&site[at]))
			return false;
	}
	for (at = 0; at < head->spots; at++) {
		spots[at].plan = spot[at];
		if ((spot[at].flags & SPOT_CALL) && spot[at].site >= head->sites)
			return false;
	}
	return true;
}

void arm_all(const struct module *module)
{
	u32 at;

	pending_count = 0;
	for (at = 0; at < plan.sites; at++)
		sites[at] = (struct site){ .plan = sites[at].plan };
	disarm_all();
	map_text(module);
	find_sections(module);
	for (at = 0; at < plan.spots; at++)
		place(&spots[at]);
}
