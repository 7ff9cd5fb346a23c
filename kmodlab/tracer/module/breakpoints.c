// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sets, finds and removes the breakpoints in the code of the module under test.
 *
 * They are not kprobes: registering one takes milliseconds under emulation (jump_label_text_reserved decodes thousands
 * of instructions for each), and the tracer does not need single-stepping.
 */
#include <linux/hash.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <asm/text-patching.h>
#include "calls.h"

#define HASH_BITS 11

static struct plan_section sections[MAX_SECTIONS];
static unsigned long section_addresses[MAX_SECTIONS];
static struct breakpoint breakpoints[MAX_BREAKPOINTS];
static u16 hash_table[1 << HASH_BITS]; /* index in `breakpoints`, plus 1 */
static struct alias aliases[2]; /* of the module's text, and of its init text */

bool take_breakpoints(const struct plan *head, const struct plan_section *section,
		      const struct plan_breakpoint *breakpoint)
{
	u32 at;

	memcpy(sections, section, head->sections * sizeof(*section));
	for (at = 0; at < head->breakpoints; at++) {
		breakpoints[at].plan = breakpoint[at];
		if ((breakpoint[at].flags & BREAKPOINT_CALL) && breakpoint[at].site >= head->sites)
			return false;
	}
	return true;
}

/* ---- writable code ----------------------------------------------------------------------------------------------- */

void map_alias(struct alias *alias, void *start, unsigned long size)
{
	unsigned long at, count = PAGE_ALIGN(size) >> PAGE_SHIFT;
	struct page **pages = kvmalloc_array(count ?: 1, sizeof(*pages), GFP_KERNEL);

	vunmap(alias->writable);
	*alias = (struct alias){ (unsigned long)start, (unsigned long)start + size };
	for (at = 0; pages && at < count; at++)
		pages[at] = vmalloc_to_page(start + at * PAGE_SIZE);
	if (pages && count)
		alias->writable = vmap(pages, count, VM_MAP, PAGE_KERNEL);
	kvfree(pages);
}

static void map_text(const struct module *module)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
	map_alias(&aliases[0], module->core_layout.base, module->core_layout.text_size);
	map_alias(&aliases[1], module->init_layout.base, module->init_layout.text_size);
#else
	map_alias(&aliases[0], module->mem[MOD_TEXT].base, module->mem[MOD_TEXT].size);
	map_alias(&aliases[1], module->mem[MOD_INIT_TEXT].base, module->mem[MOD_INIT_TEXT].size);
#endif
	text_start = aliases[0].start;
	text_end = aliases[0].end;
}

static u8 *find_writable(unsigned long address)
{
	int at;

	for (at = 0; at < ARRAY_SIZE(aliases); at++)
		if (aliases[at].writable && address >= aliases[at].start && address < aliases[at].end)
			return aliases[at].writable + (address - aliases[at].start);
	return NULL;
}

bool is_own_code(unsigned long address)
{
	return find_writable(address);
}

void poke(struct breakpoint *breakpoint, u8 byte)
{
	WRITE_ONCE(*breakpoint->writable, byte);
	sync_core();
}

/* ---- found by address -------------------------------------------------------------------------------------------- */

struct breakpoint *find_breakpoint(unsigned long address)
{
	u32 at = hash_long(address, HASH_BITS);

	for (; hash_table[at]; at = (at + 1) % ARRAY_SIZE(hash_table))
		if (breakpoints[hash_table[at] - 1].address == address)
			return &breakpoints[hash_table[at] - 1];
	return NULL;
}

static void add_to_table(struct breakpoint *breakpoint)
{
	u32 at = hash_long(breakpoint->address, HASH_BITS);

	while (hash_table[at])
		at = (at + 1) % ARRAY_SIZE(hash_table);
	hash_table[at] = breakpoint - breakpoints + 1;
}

void forget_breakpoints(void)
{
	memset(hash_table, 0, sizeof(hash_table));
}

/* ---- set and removed --------------------------------------------------------------------------------------------- */

static void find_sections(const struct module *module)
{
	const struct mod_kallsyms *symbols = rcu_dereference_raw(module->kallsyms);
	u32 at;

	for (at = 0; at < plan.sections; at++) {
		section_addresses[at] = 0;
		if (symbols && sections[at].symbol < symbols->num_symtab)
			section_addresses[at] = symbols->symtab[sections[at].symbol].st_value - sections[at].value;
		record_event(SECTION, at, section_addresses[at]);
	}
}

static void refuse(struct breakpoint *breakpoint, u8 opcode)
{
	struct record *record = new_record(UNPROBED, breakpoint->plan.site);

	breakpoint->address = 0;
	if (record)
		record->arguments[0] = opcode;
}

static void set_breakpoint(struct breakpoint *breakpoint)
{
	u16 section = breakpoint->plan.section;
	unsigned long base = section < plan.sections ? section_addresses[section] : 0;
	const struct plan_site *site;
	u8 expected;

	breakpoint->address = base + breakpoint->plan.offset;
	breakpoint->writable = base ? find_writable(breakpoint->address) : NULL;
	if (!breakpoint->writable) {
		refuse(breakpoint, 0);
		return;
	}
	breakpoint->original = *breakpoint->writable;
	if (is_call(breakpoint)) {
		site = &sites[breakpoint->plan.site].plan;
		expected = site->flags & SITE_JUMP ? JMP32_INSN_OPCODE : CALL_INSN_OPCODE;
		/* The kernel may have replaced a call through a pointer (apply_retpolines). */
		if (!(site->flags & (SITE_REGISTER | SITE_MEMORY)) && breakpoint->original != expected) {
			refuse(breakpoint, breakpoint->original);
			return;
		}
	}
	add_to_table(breakpoint);
	if (breakpoint->plan.flags)
		poke(breakpoint, INT3_INSN_OPCODE);
}

void set_breakpoints(const struct module *module)
{
	u32 at;

	forget_breakpoints();
	map_text(module);
	find_sections(module);
	for (at = 0; at < plan.breakpoints; at++)
		set_breakpoint(&breakpoints[at]);
}

/*
 * Code that still runs the module must not reach a breakpoint that has no handler any more. Only the module's text is
 * restored: its init text may have been freed, and the memory may be in use again.
 */
void remove_breakpoints(void)
{
	u32 at;

	for (at = 0; at < plan.breakpoints; at++) {
		if (breakpoints[at].address < text_start || breakpoints[at].address >= text_end)
			continue;
		/* If the code has changed since (static_call_update), the breakpoint is gone. */
		if (is_call(&breakpoints[at]) && *breakpoints[at].writable != INT3_INSN_OPCODE)
			refuse(&breakpoints[at], *breakpoints[at].writable);
		else
			poke(&breakpoints[at], breakpoints[at].original);
	}
	forget_breakpoints();
}
