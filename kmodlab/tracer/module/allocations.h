/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One allocation of the module under test, and what guards.c does with its memory. */
#ifndef KMODLAB_ALLOCATIONS_H
#define KMODLAB_ALLOCATIONS_H

#include "tracer.h"

struct allocation {
	unsigned long address, object; /* object: the slab cache's own object in its place, or 0 */
	u32 size, nth;
	u16 site, freed_by;
	u8 allocates, state, phase;
	bool fenced; /* whole pages of its own, whose entries in the page table can be changed */
	bool guarded; /* its end is watched */
	bool poisoned; /* filled with a pattern since it was freed */
};

/* A record about memory: its address, and two more arguments. */
void record_memory(enum kind kind, u16 site, u32 nth, u64 address, u64 second, u64 third);

/* ---- guards.c ---------------------------------------------------------------------------------------------------- */

/* Restore the memory to the state that the kernel expects. */
void remove_guard(struct allocation *allocation);
/* Keep memory that was freed out of use. False if it cannot be kept; then the kernel frees it. */
bool quarantine(struct allocation *allocation);
/* Record a write beyond the memory's end, or after it was freed, once. */
void check_end(struct allocation *allocation);
void check_poison(struct allocation *allocation);

#endif
