// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that shows when it is used wrongly.
 *
 * Allocations that may sleep get whole pages, which are unmapped when they are freed: an access after that crashes at
 * once. So does an access beyond the end: the allocation ends where a page ends, and the next page is not mapped
 * either. If the size is not a multiple of eight, the bytes between the end and the end of the page are checked later.
 * Other memory is filled with a pattern when it is freed, and checked at the end.
 */
#include <linux/mm.h>
#include <linux/set_memory.h>
#include <linux/slab.h>
#include "allocations.h"

#define LEAST_FENCE (2 * PAGE_SIZE + 1) /* too large for any slab cache, so that it gets whole pages */
#define MAX_FENCED_PAGES 1536
#define LARGEST_FENCED (16 * PAGE_SIZE)
#define PADDING 0xa5
#define POISON 0x6b
#define MAX_QUARANTINED (16 << 20)

static u32 fenced_pages, quarantined;

/* ---- allocated --------------------------------------------------------------------------------------------------- */

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

bool may_fence(size_t size, unsigned long flags)
{
	/* The kernel does not promise larger allocations. */
	return fenced_pages < MAX_FENCED_PAGES && size && size <= LARGEST_FENCED && (flags & __GFP_DIRECT_RECLAIM) &&
	       !(flags & __GFP_NOFAIL);
}

bool is_fenceable(const struct plan_site *site, const unsigned long *arguments)
{
	return site->allocates == ALLOCATES_MEMORY && (site->flags & SITE_FENCE) &&
	       may_fence(arguments[site->size_argument], arguments[site->flags_argument]);
}

/*
 * Called instead of kmalloc and its variants. The kernel maps memory with large pages. Changing a page's cache mode and
 * changing it back splits a large page. That is done here, since this may sleep; kfree may not.
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

/* Like fenced_alloc, but it ends where a page ends, and the next page is not mapped. */
void *guarded_alloc(size_t size, gfp_t flags)
{
	void *memory = fenced_alloc(size, flags), *end = memory + PAGE_ALIGN(size);

	if (!memory)
		return NULL;
	set_present((unsigned long)end, false);
	memory = end - ALIGN(size, 8);
	memset(memory + size, PADDING, end - memory - size);
	return memory;
}

static void *end_of_page(const struct allocation *allocation)
{
	return (void *)PAGE_ALIGN(allocation->address + allocation->size);
}

void check_end(struct allocation *allocation)
{
	void *end = (void *)allocation->address + allocation->size;

	if (!allocation->guarded || !memchr_inv(end, PADDING, end_of_page(allocation) - end))
		return;
	record_memory(OVERRUN, allocation->site, 0, allocation->address, allocation->size, allocation->site);
	allocation->guarded = false; /* once is enough; the page after it stays unmapped */
}

void remove_guard(struct allocation *allocation)
{
	check_end(allocation);
	if (allocation->fenced)
		set_present((unsigned long)end_of_page(allocation), true);
	allocation->fenced = allocation->guarded = false;
}

/* ---- freed ------------------------------------------------------------------------------------------------------- */

static void unmap_pages(struct allocation *allocation)
{
	unsigned long at;

	for (at = allocation->address & PAGE_MASK; at < (unsigned long)end_of_page(allocation); at += PAGE_SIZE)
		set_present(at, false);
}

static void poison(struct allocation *allocation)
{
	allocation->size = min_t(size_t, allocation->size ?: U32_MAX, ksize((void *)allocation->address));
	memset((void *)allocation->address, POISON, allocation->size);
	allocation->poisoned = true;
}

bool quarantine(struct allocation *allocation)
{
	check_end(allocation);
	if (allocation->fenced) {
		unmap_pages(allocation);
		return true;
	}
	if (quarantined > MAX_QUARANTINED)
		return false;
	poison(allocation);
	quarantined += allocation->size;
	return true;
}

void check_poison(struct allocation *allocation)
{
	void *start = (void *)allocation->address;
	void *changed = allocation->poisoned ? memchr_inv(start, POISON, allocation->size) : NULL;

	if (changed)
		record_memory(WRITE_AFTER_FREE, allocation->freed_by, 0, allocation->address, changed - start,
			      allocation->freed_by);
	allocation->poisoned = false;
}
