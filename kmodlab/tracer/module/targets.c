// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Finds the function behind a call through a pointer: its name in the kernel's symbols, and its data in the plan.
 *
 * With retpolines, the compiler calls __x86_indirect_thunk_REGISTER (arch/x86/lib/retpoline.S); on a processor that does
 * not need them, the kernel replaces that by `call *%REGISTER` when it loads the module.
 */
#include <linux/hash.h>
#include <linux/kallsyms.h>
#include <linux/slab.h>
#include "calls.h"

#define CACHE_BITS 8

static struct plan_function functions[MAX_FUNCTIONS];
static const struct plan_site unknown = { .size_argument = NO_ARGUMENT };
static char symbol[KSYM_SYMBOL_LEN]; /* breakpoints do not interrupt each other */

/* Functions that were called already. */
static struct {
	unsigned long address;
	u16 function;
	bool known;
} cache[1 << CACHE_BITS];

bool take_functions(const struct plan *head, const struct plan_function *function)
{
	u32 at;

	memcpy(functions, function, head->functions * sizeof(*function));
	for (at = 0; at < head->functions; at++)
		if (!is_call_sound(&functions[at].call))
			return false;
	return true;
}

void forget_targets(void)
{
	memset(cache, 0, sizeof(cache));
}

/* ---- the address ------------------------------------------------------------------------------------------------- */

static unsigned long register_value(const struct pt_regs *regs, u8 number)
{
	const unsigned long values[] = {
		regs->ax, regs->cx, regs->dx,  regs->bx,  regs->sp,  regs->bp,	regs->si,  regs->di,
		regs->r8, regs->r9, regs->r10, regs->r11, regs->r12, regs->r13, regs->r14, regs->r15,
	};

	return values[number];
}

/* It stands at the end of the instruction, where the kernel may have relocated it. */
static long displacement(const struct plan_site *site, unsigned long after)
{
	if (site->displacement == sizeof(s8))
		return *(s8 *)(after - sizeof(s8));
	return site->displacement == sizeof(s32) ? *(s32 *)(after - sizeof(s32)) : 0;
}

static unsigned long pointer_of(const struct breakpoint *breakpoint, const struct pt_regs *regs)
{
	const struct plan_site *site = &sites[breakpoint->plan.site].plan;
	unsigned long after = breakpoint->address + site->length;
	unsigned long address, pointer;

	if (!(site->flags & (SITE_REGISTER | SITE_MEMORY)))
		return after + *(s32 *)(after - sizeof(s32));
	address = site->base == BASE_NEXT ? after : register_value(regs, site->base);
	if (site->flags & SITE_REGISTER)
		return address;
	return peek(&pointer, address + displacement(site, after), sizeof(pointer)) ? pointer : 0;
}

/* ---- the function ------------------------------------------------------------------------------------------------ */

/* FNV-1a, of the name without the end that allocators have since Linux 6.10. */
static u64 hash_name(const char *name, size_t length)
{
	static const char end[] = "_noprof";
	u64 hash = 0xcbf29ce484222325;
	size_t at;

	if (length >= sizeof(end) && !memcmp(name + length + 1 - sizeof(end), end, sizeof(end) - 1))
		length -= sizeof(end) - 1;
	for (at = 0; at < length; at++)
		hash = (hash ^ (u8)name[at]) * 0x100000001b3;
	return hash;
}

/* The length of the name in `symbol` ("kfree+0x0/0x1a0"); 0 if the address is not the beginning of a function. */
static size_t look_up(unsigned long address)
{
	const char *plus;

	sprint_symbol(symbol, address);
	plus = strchr(symbol, '+');
	return plus && !strncmp(plus, "+0x0/", 5) ? plus - symbol : 0;
}

static u16 function_number(size_t length)
{
	u64 hash = hash_name(symbol, length);
	u16 at;

	for (at = 0; at < plan.functions; at++)
		if (functions[at].name == hash)
			return at;
	return NO_FUNCTION;
}

void copy_function_name(char *to, size_t size, unsigned long address)
{
	strscpy(to, symbol, min(size, look_up(address) + 1));
}

static void record_unresolved(const struct breakpoint *breakpoint, unsigned long address)
{
	struct site *site = &sites[breakpoint->plan.site];
	struct record *record = site->unresolved ? NULL : new_record(UNRESOLVED, breakpoint->plan.site);

	site->unresolved = true;
	if (record)
		record->arguments[0] = address;
}

bool find_target(const struct breakpoint *breakpoint, const struct pt_regs *regs, struct target *target)
{
	const struct plan_site *site = &sites[breakpoint->plan.site].plan;
	size_t at, length;

	*target = (struct target){ pointer_of(breakpoint, regs), site, NO_FUNCTION };
	if (!is_through_pointer(site))
		return true;
	if (is_own_code(target->address))
		return false;
	at = hash_long(target->address, CACHE_BITS);
	if (!cache[at].known || cache[at].address != target->address) {
		length = look_up(target->address);
		if (!length) {
			record_unresolved(breakpoint, target->address);
			return false;
		}
		cache[at].address = target->address;
		cache[at].function = function_number(length);
		cache[at].known = true;
	}
	target->function = cache[at].function;
	target->plan = target->function == NO_FUNCTION ? &unknown : &functions[target->function].call;
	return true;
}
