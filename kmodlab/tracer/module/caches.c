// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Objects of the module's own slab caches, with a fence as in guards.c.
 *
 * The module gets memory of whole pages instead of an object. The cache's own object takes its place in the cache until
 * the module frees it, so the kernel still notices a cache that is destroyed with objects in it. Only caches without a
 * constructor, and whose objects are not used after they are freed (SLAB_TYPESAFE_BY_RCU).
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/version.h>
#include "allocations.h"

#define MAX_CACHES 32

static unsigned long plain_caches[MAX_CACHES];

void forget_caches(void)
{
	memset(plain_caches, 0, sizeof(plain_caches));
}

/* Reads a call of kmem_cache_create(name, size, align, flags, constructor); a macro for another function since 6.12. */
bool is_plain_cache(const unsigned long *arguments)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 12, 0)
	unsigned long constructor = arguments[4];
#else
	struct kmem_cache_args more;
	unsigned long constructor;

	if (!arguments[2] || !peek(&more, arguments[2], sizeof(more)))
		return false;
	constructor = (unsigned long)more.ctor;
#endif
	return !constructor && !((__force unsigned long)arguments[3] & (__force unsigned long)SLAB_TYPESAFE_BY_RCU);
}

static unsigned long *find_cache(unsigned long cache)
{
	u32 at;

	for (at = 0; at < MAX_CACHES; at++)
		if (plain_caches[at] == cache)
			return &plain_caches[at];
	return NULL;
}

void track_cache(unsigned long cache, bool plain)
{
	unsigned long *known = find_cache(cache);

	if (!known && plain)
		known = find_cache(0);
	if (known)
		*known = plain ? cache : 0;
}

bool is_object_fenceable(const struct plan_site *site, const unsigned long *arguments)
{
	unsigned long flags = arguments[site->flags_argument];

	return site->allocates == ALLOCATES_CACHED && (site->flags & SITE_FENCE) && arguments[0] &&
	       find_cache(arguments[0]) && may_fence(object_size(arguments[0]), flags);
}

size_t object_size(unsigned long cache)
{
	return kmem_cache_size((struct kmem_cache *)cache);
}

/* Called instead of kmem_cache_alloc. The page after the memory holds the address of the cache's own object. */
void *fenced_object_alloc(struct kmem_cache *cache, gfp_t flags)
{
	void *object = kmem_cache_alloc(cache, flags), *memory;
	size_t size = kmem_cache_size(cache);

	if (!object)
		return NULL;
	memory = fenced_alloc(size, flags & ~__GFP_ZERO);
	if (!memory) {
		kmem_cache_free(cache, object);
		return NULL;
	}
	memcpy(memory, object, size);
	*(void **)(memory + PAGE_ALIGN(size)) = object;
	return memory;
}
