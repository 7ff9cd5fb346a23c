// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memory of the module under test: what it allocated, and whether it was freed again, by itself or by the kernel
 * on its behalf.
 *
 * What it frees with kfree is not given back to the kernel but kept out of use for the rest of the guest's short
 * life, so an address never means two things, and freeing it twice is certain to be noticed. Small allocations get
 * whole pages, which are taken out of the kernel's map when they are freed: whoever uses them then crashes right there.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include "witness.h"

#define MAX_CELLS 4096
#define FENCE (2 * PAGE_SIZE + 1) /* too large for any slab cache, so that it gets whole pages */
#define MAX_FENCES 384
#define MAX_QUARANTINED (16 << 20)

enum state { UNUSED, HELD, GIVEN_BACK };

static struct cell {
	unsigned long address;
	u32 size, nth;
	u16 site, freed_by;
	u8 gives, state, fenced, phase;
} *cells;
static u32 cell_count, held_count, fence_count, quarantined;
static bool is_full;

int make_memory(void)
{
	cells = kvcalloc(MAX_CELLS, sizeof(*cells), GFP_KERNEL);
	return cells ? 0 : -ENOMEM;
}

void forget_memory(void)
{
	memset(cells, 0, MAX_CELLS * sizeof(*cells));
	cell_count = held_count = 0;
	is_full = false;
}

bool was_memory_full(void)
{
	return is_full;
}

/* Cells are not removed one by one, so that a search may stop at the first unused one. */
static struct cell *find_cell(unsigned long address, bool make)
{
	u32 at = hash_long(address, ilog2(MAX_CELLS)), tries;

	for (tries = 0; tries < MAX_CELLS; tries++, at = (at + 1) % MAX_CELLS) {
		struct cell *cell = &cells[at];

		if (cell->state != UNUSED && cell->address == address)
			return cell;
		if (cell->state != UNUSED)
			continue;
		if (!make)
			return NULL;
		if (cell_count > MAX_CELLS * 3 / 4) {
			is_full = true;
			return NULL;
		}
		cell_count++;
		cell->address = address;
		return cell;
	}
	return NULL;
}

static bool is_address(unsigned long value)
{
	return value > 16 && !IS_ERR_VALUE(value); /* kmalloc(0) gives 16 */
}

void hold(const struct plan_site *site, u16 number, unsigned long result, u64 size, u32 nth, bool fenced)
{
	struct cell *cell;

	if (site->gives == GIVES_NOTHING || !is_address(result))
		return;
	if (site->gives == GIVES_PAGE_ADDRESS)
		result = (unsigned long)virt_to_page((void *)result);
	cell = find_cell(result, true);
	if (!cell)
		return;
	if (cell->state != HELD)
		held_count++;
	cell->size = min_t(u64, size, U32_MAX);
	cell->nth = nth;
	cell->site = number;
	cell->freed_by = NO_SITE;
	cell->gives = site->gives;
	/* krealloc gives fenced memory back where that has room enough. */
	cell->fenced = fenced || (cell->state == HELD && cell->fenced);
	cell->state = HELD;
	cell->phase = phase;
}

static void release(struct cell *cell, u16 site)
{
	held_count--;
	cell->state = GIVEN_BACK;
	cell->freed_by = site;
}

/* The kernel frees something, the module's or anybody's; its address may mean something else from now on. */
void kernel_frees(unsigned long key)
{
	struct cell *cell = held_count ? find_cell(key, false) : NULL;

	if (cell && cell->state == HELD)
		release(cell, NO_SITE);
}

/* ---- memory that is gone when it is freed ---------------------------------------------------------------------- */

static bool set_present(unsigned long address, bool present)
{
	unsigned int level;
	pte_t *entry = lookup_address(address, &level);

	if (!entry || level != PG_LEVEL_4K)
		return false;
	if (present)
		WRITE_ONCE(entry->pte, entry->pte | _PAGE_PRESENT);
	else
		WRITE_ONCE(entry->pte, entry->pte & ~_PAGE_PRESENT);
	asm volatile("invlpg (%0)" : : "r"(address) : "memory");
	return true;
}

bool is_fenceable(const struct plan_site *site, const unsigned long *arguments)
{
	unsigned long size = arguments[site->size_argument];

	return (site->flags & SITE_FENCE) && fence_count < MAX_FENCES && size && size <= PAGE_SIZE &&
	       (arguments[site->flags_argument] & __GFP_DIRECT_RECLAIM);
}

/*
 * Called instead of kmalloc and its kin. The kernel maps memory in large pieces. Changing how a page is cached, and
 * changing that back, splits such a piece, now, when one may sleep; when it is freed, one may not.
 */
void *fenced_alloc(size_t size, gfp_t flags)
{
	void *memory = kmalloc(FENCE, flags);

	fence_count++;
	if (memory) {
		int pages = PAGE_ALIGN(FENCE) >> PAGE_SHIFT;

		if (!set_memory_wc((unsigned long)memory, pages))
			set_memory_wb((unsigned long)memory, pages);
	}
	return memory;
}

/* Called instead of kfree for such memory. */
static void fenced_free(void *memory)
{
	unsigned long at;

	for (at = 0; at < PAGE_ALIGN(FENCE); at += PAGE_SIZE)
		set_present((unsigned long)memory + at, false);
}

/* ---- freeing --------------------------------------------------------------------------------------------------- */

static unsigned long freed_pointer(const struct plan_site *site, const unsigned long *arguments)
{
	if (site->takes != TAKES_RCU)
		return arguments[site->takes_argument];
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	/* Before 04a522b7da3d the second argument was the offset of the first in the memory that is freed. */
	if (arguments[0])
		return arguments[0] - arguments[1];
#endif
	return arguments[1];
}

static void record_twice(const struct cell *cell, u16 number, u32 nth)
{
	struct record *record = new_record(TWICE, number);

	if (record) {
		record->arguments[0] = cell->address;
		record->arguments[1] = cell->freed_by;
		record->arguments[2] = cell->site;
		record->nth = nth;
	}
}

bool may_free(const struct plan_site *site, u16 number, u32 nth, const unsigned long *arguments, bool interrupting,
	      unsigned long *target)
{
	unsigned long pointer = freed_pointer(site, arguments);
	struct cell *cell = is_address(pointer) ? find_cell(pointer, false) : NULL;

	if (!cell || (cell->state == GIVEN_BACK && cell->freed_by == NO_SITE))
		return true;
	if (cell->state == GIVEN_BACK) {
		record_twice(cell, number, nth);
		return false;
	}
	release(cell, number);
	record_freed_active(number, pointer, cell->size);
	/* A slab cache cannot be destroyed while it misses objects. */
	if (site->takes != TAKES_MEMORY || cell->gives != GIVES_MEMORY || is_vmalloc_addr((void *)pointer))
		return true;
	if (cell->fenced && !interrupting) {
		*target = (unsigned long)fenced_free;
		return true;
	}
	if (quarantined + cell->size > MAX_QUARANTINED) {
		cell->freed_by = NO_SITE; /* its address may soon be somebody else's */
		return true;
	}
	quarantined += cell->size;
	return false;
}

/* ---- at the end ------------------------------------------------------------------------------------------------ */

static bool is_held(const struct cell *cell)
{
	if (cell->state != HELD)
		return false;
	/* Nothing tells that the kernel frees such memory, but then it is mapped no more. */
	return !is_vmalloc_addr((void *)cell->address) || cell->gives == GIVES_PAGE ||
	       vmalloc_to_page((void *)cell->address);
}

u32 count_held(bool write)
{
	u32 at, count = 0;

	for (at = 0; held_count && at < MAX_CELLS; at++) {
		struct cell *cell = &cells[at];
		struct record *record;

		if (!is_held(cell))
			continue;
		count++;
		record = write ? new_record(LEFT, cell->site) : NULL;
		if (record) {
			record->arguments[0] = cell->address;
			record->arguments[1] = cell->size;
			record->arguments[2] = cell->gives;
			record->arguments[3] = cell->phase;
			record->nth = cell->nth;
		}
	}
	return count;
}
