// SPDX-License-Identifier: GPL-2.0-or-later
/* The record of a call: its arguments, the name of what it registers, its context, and later its result. */
#include <linux/miscdevice.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/platform_device.h>
#include <linux/rcupdate.h>
#include <linux/sched/clock.h>
#include <asm/processor-flags.h>
#include "calls.h"

#define PER_SITE 256 /* calls of one site, in one load, that get a record */

static const char *read_pointer(const void *address)
{
	const char *pointer;

	return peek(&pointer, (unsigned long)address, sizeof(pointer)) ? pointer : NULL;
}

static const char *find_name(const struct plan_site *site, unsigned long argument)
{
	switch (site->name) {
	case NAME_TEXT:
		return (const char *)argument;
	case NAME_FIRST: /* most structs begin with a pointer to their name */
		return read_pointer((void *)argument);
	case NAME_MISC:
		return read_pointer(&((struct miscdevice *)argument)->name);
	case NAME_NETDEV:
		return ((struct net_device *)argument)->name;
	case NAME_PLATFORM:
		return read_pointer(&((struct platform_driver *)argument)->driver.name);
	case NAME_PCI:
		return read_pointer(&((struct pci_driver *)argument)->name);
	}
	return NULL;
}

/* When a site has used all its records, it overwrites the last one, so that its last call always has a record. */
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

/* More than one: the notifier chain that calls the breakpoint's handler is itself in an RCU read-side section. */
bool is_reading_rcu(void)
{
	return IS_ENABLED(CONFIG_PREEMPT_RCU) && rcu_preempt_depth() > 1;
}

struct record *record_call(u16 number, const struct target *target, unsigned int count, u8 depth,
			   const struct pt_regs *regs, const unsigned long *arguments)
{
	struct site *site = &sites[number];
	struct record *record;
	const char *name;

	record = count_load(false) > plan.recorded_loads ? NULL : record_for(number);
	if (!record)
		return NULL;
	memcpy(record->arguments, arguments, sizeof(record->arguments));
	record->nth = site->hits;
	record->depth = depth;
	record->function = target->function;
	if (record->depth)
		record->flags |= NESTED;
	if (count || !(regs->flags & X86_EFLAGS_IF) || is_reading_rcu())
		record->flags |= ATOMIC;
	if (is_interrupting(count))
		record->flags |= IN_INTERRUPT;
	else if (current == phase_task)
		record->flags |= OWN_TASK;
	name = find_name(target->plan, arguments[target->plan->name_argument]);
	if (is_through_pointer(&site->plan) && target->function == NO_FUNCTION)
		copy_function_name(record->text, sizeof(record->text), target->address);
	else if (name)
		copy_text(record->text, sizeof(record->text), name);
	return record;
}

void record_return(struct record *record, const struct pt_regs *regs)
{
	if (!record)
		return;
	record->result = regs->ax;
	record->flags |= RETURNED;
	record->ended = local_clock();
}
