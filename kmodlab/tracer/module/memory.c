// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memory of the module under test: what it allocated, and whether it was freed again, by itself or by the kernel
 * on its behalf.
 *
 * What it frees with kfree is not given back to the kernel but kept out of use for the rest of the guest's short
 * life, so an address never means two things, and freeing it twice is certain to be noticed.
 *
 * Allocations that may sleep get whole pages, which are taken out of the kernel's map when they are freed: whoever uses
 * them then crashes right there. So does whoever goes beyond their end: they end where a page ends, and the next page
 * is not in the map either. Where an end is not a multiple of eight, the bytes up to the page's end are looked at later.
 * Other memory is filled with a pattern when it is freed, and looked at in the end.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include "tracer.h"

#define MAX_CELLS 4096
#define LEAST_FENCE (2 * PAGE_SIZE + 1) /* too large for any slab cache, so that it gets whole pages */
#define MAX_FENCED_PAGES 1536
#define LARGEST_FENCED (16 * PAGE_SIZE)
#define TAIL 0xa5
#define POISON 0x6b
#define MAX_QUARANTINED (16 << 20)

enum state { UNUSED, HELD, GIVEN_BACK };

static struct cell {
	unsigned long address;
	u32 size, nth;
	u16 site, freed_by;
	u8 gives, state, phase;
	bool fenced, guarded, poisoned;
} *cells;
static u32 cell_count, held_count, fenced_pages, quarantined;
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
	cell->guarded = fenced && (site->flags & SITE_GUARD);
	cell->poisoned = false;
	cell->state = HELD;
	cell->phase = phase;
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
	unsigned long flags = arguments[site->flags_argument];

	/* The kernel does not promise so many pages at once. */
	return (site->flags & SITE_FENCE) && fenced_pages < MAX_FENCED_PAGES && arguments[site->size_argument] &&
	       arguments[site->size_argument] <= LARGEST_FENCED && (flags & __GFP_DIRECT_RECLAIM) &&
	       !(flags & __GFP_NOFAIL);
}

/*
 * Called instead of kmalloc and its kin. The kernel maps memory in large pieces. Changing how a page is cached, and
 * changing that back, splits such a piece, now, when one may sleep; when it is freed, one may not.
 */
void *fenced_alloc(size_t size, gfp_t flags)
{
	size_t whole = max_t(size_t, LEAST_FENCE, PAGE_ALIGN(size) + PAGE_SIZE);
	int pages = (PAGE_ALIGN(size) >> PAGE_SHIFT) + 1;
	void *memory = kmalloc(whole, flags);

	fenced_pages += 1 << get_order(whole);
	if (memory && !set_memory_wc((unsigned long)memory, pages))
		set_memory_wb((unsigned long)memory, pages);
	return memory;
}

/* The same, ending where a page ends, before one that is not there. */
void *guarded_alloc(size_t size, gfp_t flags)
{
	void *memory = fenced_alloc(size, flags), *end = memory + PAGE_ALIGN(size);

	if (!memory)
		return NULL;
	set_present((unsigned long)end, false);
	memory = end - ALIGN(size, 8);
	memset(memory + size, TAIL, end - memory - size);
	return memory;
}

static void *end_of(const struct cell *cell)
{
	return (void *)PAGE_ALIGN(cell->address + cell->size);
}

static void check_tail(struct cell *cell)
{
	void *tail = (void *)cell->address + cell->size;
	struct record *record;

	if (!cell->guarded || !memchr_inv(tail, TAIL, end_of(cell) - tail))
		return;
	record = new_record(OVERRUN, cell->site);
	if (record) {
		record->arguments[0] = cell->address;
		record->arguments[1] = cell->size;
		record->arguments[2] = cell->site;
	}
	cell->guarded = false; /* once is enough; the page behind it stays away */
}

/* Memory that the kernel will get back must be as it was. */
static void unguard(struct cell *cell)
{
	check_tail(cell);
	if (cell->fenced)
		set_present((unsigned long)end_of(cell), true);
	cell->fenced = cell->guarded = false;
}

static void take_away(struct cell *cell)
{
	unsigned long at;

	for (at = cell->address & PAGE_MASK; at < (unsigned long)end_of(cell); at += PAGE_SIZE)
		set_present(at, false);
}

static void poison(struct cell *cell)
{
	cell->size = min_t(size_t, cell->size ?: U32_MAX, ksize((void *)cell->address));
	memset((void *)cell->address, POISON, cell->size);
	cell->poisoned = true;
}

static void check_poison(struct cell *cell)
{
	void *changed = cell->poisoned ? memchr_inv((void *)cell->address, POISON, cell->size) : NULL;
	struct record *record = changed ? new_record(SCRIBBLED, cell->freed_by) : NULL;

	if (record) {
		record->arguments[0] = cell->address;
		record->arguments[1] = (unsigned long)changed - cell->address;
		record->arguments[2] = cell->freed_by;
	}
	cell->poisoned = false;
}

/* ---- freed by the kernel --------------------------------------------------------------------------------------- */

static void release(struct cell *cell, u16 site)
{
	held_count--;
	cell->state = GIVEN_BACK;
	cell->freed_by = site;
}

/*
 * The kernel frees something, the module's or anybody's; its address may mean something else from now on. Of pages that
 * the module wanted to free, `freed_by` already says so.
 */
void kernel_frees(unsigned long key)
{
	struct cell *cell = held_count ? find_cell(key, false) : NULL;

	if (!cell || cell->state != HELD)
		return;
	unguard(cell);
	release(cell, cell->freed_by);
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

/* What stands in a record that speaks of memory and of two calls. */
static void record_free(enum kind kind, u16 number, u32 nth, u64 address, u64 second, u64 third)
{
	struct record *record = new_record(kind, number);

	if (!record)
		return;
	record->arguments[0] = address;
	record->arguments[1] = second;
	record->arguments[2] = third;
	record->nth = nth;
}

static const struct cell *find_around(unsigned long address)
{
	u32 at;

	for (at = 0; held_count && at < MAX_CELLS; at++)
		if (cells[at].state == HELD && cells[at].gives == GIVES_MEMORY && address > cells[at].address &&
		    address < cells[at].address + cells[at].size)
			return &cells[at];
	return NULL;
}

/* Pages may have other users, so that freeing them need not be their end: the kernel will say when it is. */
static bool may_free_page(const struct plan_site *site, u16 number, u32 nth, unsigned long argument)
{
	struct cell *cell;

	if (site->takes == TAKES_PAGE_ADDRESS)
		argument = virt_addr_valid(argument) ? (unsigned long)virt_to_page((void *)argument) : 0;
	cell = is_address(argument) ? find_cell(argument, false) : NULL;
	if (!cell)
		return true;
	if (cell->state == HELD) {
		cell->freed_by = number;
		return true;
	}
	if (cell->freed_by == NO_SITE)
		return true;
	record_free(TWICE, number, nth, cell->address, cell->freed_by, cell->site);
	return false;
}

/* Whether the kernel is to free memory that was held until now; else it is kept, so that it is known to be free. */
static bool may_give_back(const struct plan_site *site, struct cell *cell)
{
	/* A slab cache cannot be destroyed while it misses objects. */
	if (site->takes != TAKES_MEMORY || cell->gives != GIVES_MEMORY || is_vmalloc_addr((void *)cell->address)) {
		unguard(cell);
		return true;
	}
	check_tail(cell);
	if (cell->fenced) {
		take_away(cell);
		return false;
	}
	if (quarantined > MAX_QUARANTINED) {
		cell->freed_by = NO_SITE; /* its address may soon be somebody else's */
		return true;
	}
	poison(cell);
	quarantined += cell->size;
	return false;
}

bool may_free(const struct plan_site *site, u16 number, u32 nth, const unsigned long *arguments)
{
	unsigned long pointer = freed_pointer(site, arguments);
	const struct cell *around;
	struct cell *cell;

	if (site->takes == TAKES_PAGE || site->takes == TAKES_PAGE_ADDRESS)
		return may_free_page(site, number, nth, pointer);
	cell = is_address(pointer) ? find_cell(pointer, false) : NULL;
	if (!cell) {
		around = is_address(pointer) ? find_around(pointer) : NULL;
		if (around)
			record_free(MISPLACED, number, nth, pointer, around->address, around->site);
		return !around;
	}
	if (cell->state == GIVEN_BACK) {
		if (cell->freed_by != NO_SITE)
			record_free(TWICE, number, nth, cell->address, cell->freed_by, cell->site);
		return cell->freed_by == NO_SITE;
	}
	release(cell, number);
	record_freed_active(number, pointer, cell->size);
	return may_give_back(site, cell);
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

void record_damage(void)
{
	u32 at;

	for (at = 0; at < MAX_CELLS; at++) {
		if (cells[at].state == HELD)
			check_tail(&cells[at]);
		else if (cells[at].state == GIVEN_BACK)
			check_poison(&cells[at]);
	}
}
