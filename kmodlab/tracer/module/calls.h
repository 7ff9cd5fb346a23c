/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that trace calls share: call sites, breakpoints, and the calls that have not returned yet. */
#ifndef KMODLAB_CALLS_H
#define KMODLAB_CALLS_H

#include <linux/preempt.h>
#include "tracer.h"

struct site {
	struct plan_site plan;
	u32 hits, recorded;
	struct record *last;
};

struct breakpoint {
	struct plan_breakpoint plan;
	unsigned long address;
	u8 *writable; /* the same byte in a writable mapping */
	u8 original;
};

struct open_call {
	const void *context; /* the task, or the kind of interrupt that runs on top of it */
	unsigned long stack, return_address;
	struct record *record;
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

/* ---- injection.c ------------------------------------------------------------------------------------------------- */

void forget_injection(void);
/* Whether this call is to fail. True once in a run. */
bool is_to_fail(u16 number, unsigned int count);
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
struct record *record_call(u16 number, unsigned int count, u16 depth, const struct pt_regs *regs,
			   const unsigned long *arguments);
void record_return(struct record *record, const struct pt_regs *regs);

bool is_reading_rcu(void);

/* `count` is the preemption count before the breakpoint. */
static inline bool is_interrupting(unsigned int count)
{
	return count & (HARDIRQ_MASK | SOFTIRQ_OFFSET);
}

#endif
