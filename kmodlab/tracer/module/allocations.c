// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The memory of the module under test: what it allocated, and whether it was freed again, by itself or by the kernel
 * on its behalf.
 *
 * Memory that the module frees with kfree does not go back to the kernel but stays out of use for the rest of the
 * guest's short life. So an address never means two things, and a double free is always noticed.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include "allocations.h"

#define MAX_ALLOCATIONS 4096

enum state { UNUSED, IN_USE, RELEASED };

static struct allocation *allocations; /* a hash table */
static u32 allocation_count, in_use_count;
static bool is_full, has_objects;

int make_allocations(void)
{
	allocations = kvcalloc(MAX_ALLOCATIONS, sizeof(*allocations), GFP_KERNEL);
	return allocations ? 0 : -ENOMEM;
}

void forget_allocations(void)
{
	memset(allocations, 0, MAX_ALLOCATIONS * sizeof(*allocations));
	allocation_count = in_use_count = 0;
	is_full = has_objects = false;
}

bool were_allocations_dropped(void)
{
	return is_full;
}

/* Entries are never removed one by one, so a search stops at the first unused one. */
static struct allocation *find_allocation(unsigned long address, bool add)
{
	u32 at = hash_long(address, ilog2(MAX_ALLOCATIONS)), tries;

	for (tries = 0; tries < MAX_ALLOCATIONS; tries++, at = (at + 1) % MAX_ALLOCATIONS) {
		struct allocation *allocation = &allocations[at];

		if (allocation->state != UNUSED && allocation->address == address)
			return allocation;
		if (allocation->state != UNUSED)
			continue;
		if (!add)
			return NULL;
		if (allocation_count > MAX_ALLOCATIONS * 3 / 4) {
			is_full = true;
			return NULL;
		}
		allocation_count++;
		allocation->address = address;
		return allocation;
	}
	return NULL;
}

static bool is_address(unsigned long value)
{
	return value > 16 && !IS_ERR_VALUE(value); /* kmalloc(0) returns 16 */
}

void track_allocation(const struct plan_site *site, u16 number, unsigned long result, u64 size, u32 nth, bool fenced)
{
	struct allocation *allocation;

	if (site->allocates == ALLOCATES_NOTHING || !is_address(result))
		return;
	if (site->allocates == ALLOCATES_PAGE_ADDRESS)
		result = (unsigned long)virt_to_page((void *)result);
	allocation = find_allocation(result, true);
	if (!allocation)
		return;
	if (allocation->state != IN_USE)
		in_use_count++;
	allocation->size = min_t(u64, size, U32_MAX);
	allocation->nth = nth;
	allocation->site = number;
	allocation->freed_by = NO_SITE;
	allocation->allocates = site->allocates;
	/* krealloc returns the same memory if that is large enough. */
	allocation->fenced = fenced || (allocation->state == IN_USE && allocation->fenced);
	allocation->guarded = fenced && site->allocates == ALLOCATES_MEMORY && (site->flags & SITE_GUARD);
	allocation->object = 0;
	if (fenced && site->allocates == ALLOCATES_CACHED)
		allocation->object = *(unsigned long *)PAGE_ALIGN(result + size);
	has_objects = has_objects || allocation->object;
	allocation->poisoned = false;
	allocation->state = IN_USE;
	allocation->phase = phase;
}

void record_memory(enum kind kind, u16 site, u32 nth, u64 address, u64 second, u64 third)
{
	struct record *record = new_record(kind, site);

	if (!record)
		return;
	record->arguments[0] = address;
	record->arguments[1] = second;
	record->arguments[2] = third;
	record->nth = nth;
}

/* ---- freed by the kernel ----------------------------------------------------------------------------------------- */

static void release(struct allocation *allocation, u16 site)
{
	in_use_count--;
	allocation->state = RELEASED;
	allocation->freed_by = site;
}

/*
 * The kernel frees memory of the module or of anybody else; from now on its address may mean something else. If the
 * module itself freed these pages, `freed_by` already says so.
 */
void on_kernel_free(unsigned long address)
{
	struct allocation *allocation = in_use_count ? find_allocation(address, false) : NULL;

	if (!allocation || allocation->state != IN_USE)
		return;
	remove_guard(allocation);
	release(allocation, allocation->freed_by);
}

/* ---- freed by the module ----------------------------------------------------------------------------------------- */

static unsigned long freed_pointer(const struct plan_site *site, const unsigned long *arguments)
{
	if (site->frees != FREES_RCU)
		return arguments[site->frees_argument];
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 3, 0)
	/* Before 04a522b7da3d the second argument was the offset of the first in the memory that is freed. */
	if (arguments[0])
		return arguments[0] - arguments[1];
#endif
	return arguments[1];
}

static void record_double_free(const struct allocation *allocation, u16 number, u32 nth)
{
	record_memory(DOUBLE_FREE, number, nth, allocation->address, allocation->freed_by, allocation->site);
}

/* The allocation that contains an address, except at its beginning. */
static const struct allocation *find_around(unsigned long address)
{
	u32 at;

	for (at = 0; in_use_count && at < MAX_ALLOCATIONS; at++)
		if (allocations[at].state == IN_USE && allocations[at].allocates == ALLOCATES_MEMORY &&
		    address > allocations[at].address && address < allocations[at].address + allocations[at].size)
			return &allocations[at];
	return NULL;
}

/* Pages may have other users, so they are in use until the kernel says that they are free. */
static bool may_free_page(const struct plan_site *site, u16 number, u32 nth, unsigned long argument)
{
	struct allocation *allocation;

	if (site->frees == FREES_PAGE_ADDRESS)
		argument = virt_addr_valid(argument) ? (unsigned long)virt_to_page((void *)argument) : 0;
	allocation = is_address(argument) ? find_allocation(argument, false) : NULL;
	if (!allocation)
		return true;
	if (allocation->state == IN_USE) {
		allocation->freed_by = number;
		return true;
	}
	if (allocation->freed_by == NO_SITE)
		return true;
	record_double_free(allocation, number, nth);
	return false;
}

/* Whether the kernel must still free this memory, which was in use until now. */
static bool goes_to_kernel(const struct plan_site *site, struct allocation *allocation)
{
	/* The cache's own object is freed instead. Memory freed after a grace period may be used until its end. */
	if (allocation->object) {
		if (site->frees != FREES_RCU)
			quarantine(allocation);
		return true;
	}
	/* A slab cache cannot be destroyed before all its objects are freed. */
	if (site->frees != FREES_MEMORY || allocation->allocates != ALLOCATES_MEMORY ||
	    is_vmalloc_addr((void *)allocation->address)) {
		remove_guard(allocation);
		return true;
	}
	if (quarantine(allocation))
		return false;
	allocation->freed_by = NO_SITE; /* its address may soon belong to something else */
	return true;
}

bool may_free(const struct plan_site *site, u16 number, u32 nth, const unsigned long *arguments)
{
	unsigned long pointer = freed_pointer(site, arguments);
	const struct allocation *around;
	struct allocation *allocation;

	if (site->frees == FREES_PAGE || site->frees == FREES_PAGE_ADDRESS)
		return may_free_page(site, number, nth, pointer);
	allocation = is_address(pointer) ? find_allocation(pointer, false) : NULL;
	if (!allocation) {
		around = is_address(pointer) ? find_around(pointer) : NULL;
		if (around)
			record_memory(INVALID_FREE, number, nth, pointer, around->address, around->site);
		return !around;
	}
	if (allocation->state == RELEASED) {
		if (allocation->freed_by != NO_SITE)
			record_double_free(allocation, number, nth);
		return allocation->freed_by == NO_SITE;
	}
	release(allocation, number);
	record_freed_callbacks(number, pointer, allocation->size);
	return goes_to_kernel(site, allocation);
}

unsigned long translate_for_cache(unsigned long address)
{
	u32 at;

	for (at = 0; has_objects && at < MAX_ALLOCATIONS; at++)
		if (allocations[at].object && address >= allocations[at].address &&
		    address < allocations[at].address + allocations[at].size)
			return address - allocations[at].address + allocations[at].object;
	return address;
}

/* ---- at the end -------------------------------------------------------------------------------------------------- */

static bool is_in_use(const struct allocation *allocation)
{
	if (allocation->state != IN_USE)
		return false;
	/* vmalloc's memory has no tracepoint for its release, but it is not mapped any more afterwards. */
	return !is_vmalloc_addr((void *)allocation->address) || allocation->allocates == ALLOCATES_PAGE ||
	       vmalloc_to_page((void *)allocation->address);
}

u32 count_leaks(bool write)
{
	u32 at, count = 0;

	for (at = 0; in_use_count && at < MAX_ALLOCATIONS; at++) {
		struct allocation *allocation = &allocations[at];
		struct record *record;

		if (!is_in_use(allocation))
			continue;
		count++;
		record = write ? new_record(LEAKED, allocation->site) : NULL;
		if (record) {
			record->arguments[0] = allocation->address;
			record->arguments[1] = allocation->size;
			record->arguments[2] = allocation->allocates;
			record->arguments[3] = allocation->phase;
			record->nth = allocation->nth;
		}
	}
	return count;
}

void record_damage(void)
{
	u32 at;

	for (at = 0; at < MAX_ALLOCATIONS; at++) {
		if (allocations[at].state == IN_USE)
			check_end(&allocations[at]);
		else if (allocations[at].state == RELEASED)
			check_poison(&allocations[at]);
	}
}
