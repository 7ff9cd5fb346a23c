/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by the files that trace calls: call sites, breakpoints, and the calls that have not returned yet. */
#ifndef KMODLAB_CALLS_H
#define KMODLAB_CALLS_H

#include <linux/preempt.h>
#include "tracer.h"

struct site {
	struct plan_site plan;
	u32 hits, recorded;
	struct record *last;
	bool unresolved;
};

struct breakpoint {
	struct plan_breakpoint plan;
	unsigned long address;
	u8 *writable; /* the same byte in a writable mapping */
	u8 original;
};

/* The function that a call calls: its address, and what is known about it. */
struct target {
	unsigned long address;
	const struct plan_site *plan;
	u16 function; /* its number, or NO_FUNCTION; only for a call through a pointer */
};

struct open_call {
	const void *context; /* the task, or the kind of interrupt that runs on top of it */
	unsigned long stack, return_address;
	struct record *record;
	const struct plan_site *plan;
	u64 size;
	u32 nth;
	u16 site;
	bool fenced, overridden;
	bool plain; /* it creates a slab cache whose objects need no constructor */
};

/* A second, writable mapping of code that is read-only where it runs. */
struct alias {
	unsigned long start, end;
	void *writable;
};

extern struct site sites[MAX_SITES];

/* ---- breakpoints.c ----------------------------------------------------------------------------------------------- */

void map_alias(struct alias *alias, void *start, unsigned long size);
void set_breakpoints(const struct module *module);
struct breakpoint *find_breakpoint(unsigned long address);
void poke(struct breakpoint *breakpoint, u8 byte);

static inline bool is_call(const struct breakpoint *breakpoint)
{
	return breakpoint->plan.flags & BREAKPOINT_CALL;
}

static inline bool is_through_pointer(const struct plan_site *site)
{
	return site->flags & (SITE_REGISTER | SITE_MEMORY | SITE_PATCHED);
}

/* ---- targets.c --------------------------------------------------------------------------------------------------- */

void forget_targets(void);
/* False if it is code of the module's own, or no function's beginning; `target->address` is set in any case. */
bool find_target(const struct breakpoint *breakpoint, const struct pt_regs *regs, struct target *target);
void copy_function_name(char *to, size_t size, unsigned long address);

/* ---- injection.c ------------------------------------------------------------------------------------------------- */

void forget_injection(void);
/* Whether this call is to fail. True once in a run. */
bool is_to_fail(u16 number, u16 function, unsigned int count);
/* The function to call instead of one that does half of its work before it fails; 0 if it does nothing. */
unsigned long half_function(void);

/* ---- interludes.c ------------------------------------------------------------------------------------------------- */

void forget_interludes(void);
/* From now on, before each call in exit, callbacks run and these files are read: paths, one on a line. */
void take_interludes(const char *paths);
/* Let others run before this call. False if they ran already, or if they must not. */
bool begin_interlude(const struct breakpoint *breakpoint, struct pt_regs *regs, unsigned int count);

/* ---- call_records.c ---------------------------------------------------------------------------------------------- */

/* `depth` counts the calls of the same context that have not returned. */
struct record *record_call(u16 number, const struct target *target, unsigned int count, u8 depth,
			   const struct pt_regs *regs, const unsigned long *arguments);
void record_return(struct record *record, const struct pt_regs *regs);

bool is_reading_rcu(void);

/* `count` is the preemption count before the breakpoint. */
static inline bool is_interrupting(unsigned int count)
{
	return count & (HARDIRQ_MASK | SOFTIRQ_OFFSET);
}

#endif
