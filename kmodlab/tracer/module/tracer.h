/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all files of the tracer share: the plan that the host writes, and the records that it reads.
 *
 *     tracer.c        follows the module under test from load to unload; the files in debugfs
 *     breakpoints.c   sets, finds and removes breakpoints in that module's code
 *     calls.c         emulates each call of the kernel at its breakpoint
 *     targets.c       which function a call through a pointer calls
 *     injection.c     the call that is made to fail
 *     interludes.c    what else runs between two calls of exit
 *     call_records.c  records a call's arguments, context and result
 *     allocations.c   what the module allocated and has not freed
 *     guards.c        memory that shows a use after free and an access beyond its end
 *     caches.c        the same for the objects of a slab cache
 *     pending.c       timers, work and threads that may still run the module's code
 *     resources.c     lists what is registered in the guest, by name
 *     records.c       the records
 */
#ifndef KMODLAB_TRACER_H
#define KMODLAB_TRACER_H

#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/types.h>

#define FOLDER "kmodlab"
#define NO_SITE 0xffff
#define NO_FUNCTION 0xffff
#define ARGUMENTS 6 /* those in registers */
#define NO_ARGUMENT 0xff

/*
 * The host's copies of these layouts and numbers are in wire_format.py, trace_records.py and kernel_api.py. A test
 * compares them.
 */

/* ---- the plan, which plan.py packs ------------------------------------------------------------------------------- */

#define PLAN_MAGIC 0x314e504b /* "KPN1" */
#define MAX_SECTIONS 16
#define MAX_SITES 512
#define MAX_BREAKPOINTS 1024
#define MAX_FUNCTIONS 2048

/* Through a pointer: in a register, or in memory; or by a distance that the kernel changes (a static call). */
enum {
	SITE_JUMP = 1,
	SITE_FENCE = 2,
	SITE_GUARD = 4,
	SITE_CACHE = 8,
	SITE_REGISTER = 16,
	SITE_MEMORY = 32,
	SITE_PATCHED = 64,
};
enum { ALLOCATES_NOTHING, ALLOCATES_MEMORY, ALLOCATES_CACHED, ALLOCATES_PAGE, ALLOCATES_PAGE_ADDRESS };
enum { FREES_NOTHING, FREES_MEMORY, FREES_CACHED, FREES_RCU, FREES_PAGE, FREES_PAGE_ADDRESS };
enum {
	CALLBACK_NOTHING,
	CALLBACK_TIMER,
	CALLBACK_HRTIMER,
	CALLBACK_WORK,
	CALLBACK_DELAYED_WORK,
	CALLBACK_TASKLET,
	CALLBACK_RCU,
};
enum { NAME_NONE, NAME_TEXT, NAME_FIRST, NAME_MISC, NAME_NETDEV, NAME_PLATFORM, NAME_PCI };
enum { BREAKPOINT_CALL = 1, BREAKPOINT_EXIT = 2 };

/* A section with code. The address of one of its symbols tells where it was loaded; `value` is that symbol's offset. */
struct plan_section {
	u32 symbol;
	u32 reserved;
	u64 value;
} __packed;

/*
 * What the tracer must know about a call, from kernel_api.txt; arguments by number. `length` is that of the instruction.
 * The pointer of a call through one is in the register `base` (in the order of instructions: rax, rcx, rdx, …), or in
 * memory where that points to, plus a displacement of so many bytes at the instruction's end. BASE_NEXT stands for the
 * address of the next instruction.
 */
#define BASE_NEXT 16

struct plan_site {
	u8 flags, allocates, frees, frees_argument;
	u8 callback, callback_argument, name, name_argument;
	u8 size_argument, flags_argument;
	u8 length, base, displacement, reserved;
} __packed;

/* A function that may be called through a pointer. `name` is a hash (hash_name in targets.c). */
struct plan_function {
	u64 name;
	struct plan_site call;
} __packed;

/* An instruction: a call, the one after a call, or the first one of the exit function. */
struct plan_breakpoint {
	u32 offset;
	u16 section, site;
	u16 flags, reserved;
} __packed;

struct plan {
	u32 magic;
	u16 sections, sites, breakpoints, half;
	u32 fail_site, fail_nth;
	s64 fail_value;
	u32 recorded_loads;
	u16 functions, fail_function;
	char target[MODULE_NAME_LEN];
} __packed;

extern struct plan plan;

/* ---- records, which trace_records.py reads ----------------------------------------------------------------------- */

enum kind {
	LOADING = 1,
	SECTION,
	INIT,
	RETURN,
	LIVE,
	EXIT,
	GOING,
	FREED,
	CALL,
	ACTIVE,
	THREAD,
	LEAKED,
	DOUBLE_FREE,
	UNPROBED,
	SETTLED,
	CHECKED,
	FREED_ACTIVE,
	INVALID_FREE,
	OVERRUN,
	WRITE_AFTER_FREE,
	UNRESOLVED,
};

#define RECORDS_MAGIC 0x3152574b /* "KWR1" */

enum phase { OUTSIDE, IN_INIT, LOADED, IN_EXIT, GONE };

enum { RETURNED = 1, INJECTED = 2, NESTED = 4, ATOMIC = 8, IN_INTERRUPT = 16, OWN_TASK = 32 };

struct record {
	u8 kind, phase;
	u16 site;
	u32 pid;
	u64 time; /* as in the kernel's log, in nanoseconds */
	u64 result;
	u64 arguments[ARGUMENTS];
	u32 nth;
	u8 flags, depth;
	u16 function; /* of a call through a pointer; NO_FUNCTION if `text` is its name */
	char text[40];
	u64 ended; /* when a call returned */
} __packed;

struct records {
	u32 magic, size;
	u32 count, dropped;
	u32 capacity, loads;
	u64 reserved[13];
	struct record at[];
} __packed;

extern enum phase phase;
extern struct task_struct *phase_task; /* the task that runs init or exit */

int make_records(void);
void clear_records(void);
void use_reserve(void); /* at the end, calls may use the last records too */
phys_addr_t records_address(void);
size_t records_size(void);
u32 count_load(bool another);
struct record *new_record(enum kind kind, u16 site);
void fill_record(struct record *record, enum kind kind, u16 site);
void record_event(enum kind kind, u64 first, u64 second);
bool peek(void *to, unsigned long from, size_t size);
void copy_text(char *to, size_t size, const char *from);

/* ---- allocations.c ----------------------------------------------------------------------------------------------- */

int make_allocations(void);
void forget_allocations(void);
void track_allocation(const struct plan_site *site, u16 number, unsigned long result, u64 size, u32 nth, bool fenced);
void on_kernel_free(unsigned long address); /* of memory, or of a struct page */
/* Whether the kernel is to carry out a call that frees memory. */
bool may_free(const struct plan_site *site, u16 number, u32 nth, const unsigned long *arguments);
/* For an address in a fenced object of a slab cache, that in the object which the cache knows instead. */
unsigned long translate_for_cache(unsigned long address);
u32 count_leaks(bool write);
void record_damage(void);
bool were_allocations_dropped(void);

/* ---- guards.c ---------------------------------------------------------------------------------------------------- */

bool may_fence(size_t size, unsigned long flags);
bool is_fenceable(const struct plan_site *site, const unsigned long *arguments);
void *fenced_alloc(size_t size, gfp_t flags);
void *guarded_alloc(size_t size, gfp_t flags);

/* ---- caches.c ---------------------------------------------------------------------------------------------------- */

void forget_caches(void);
bool is_plain_cache(const unsigned long *arguments); /* of a call that creates one */
void track_cache(unsigned long cache, bool plain);
bool is_object_fenceable(const struct plan_site *site, const unsigned long *arguments);
void *fenced_object_alloc(struct kmem_cache *cache, gfp_t flags);
size_t object_size(unsigned long cache);

/* ---- breakpoints.c ----------------------------------------------------------------------------------------------- */

bool take_breakpoints(const struct plan *head, const struct plan_section *section,
		      const struct plan_breakpoint *breakpoint);
void forget_breakpoints(void);
void remove_breakpoints(void);
bool is_own_code(unsigned long address);

/* ---- calls.c ----------------------------------------------------------------------------------------------------- */

int make_calls(void);
void forget_calls(void);
bool take_sites(const struct plan *head, const struct plan_site *site);
bool is_call_sound(const struct plan_site *call);
void trace_calls(const struct module *module);

/* ---- targets.c --------------------------------------------------------------------------------------------------- */

bool take_functions(const struct plan *head, const struct plan_function *function);

/* ---- pending.c --------------------------------------------------------------------------------------------------- */

extern unsigned long text_start, text_end;

void forget_callbacks(void);
void track_callback(const struct plan_site *site, u16 number, unsigned long address);
void record_active_callbacks(void);
void record_freed_callbacks(u16 number, unsigned long start, u32 size);
u32 count_threads(bool write);
u32 count_active(void);
void let_callbacks_run(void); /* now, also those that are not due yet */

/* ---- resources.c ------------------------------------------------------------------------------------------------- */

int make_resources(void);
void list_resources(void);
void print_resources(struct seq_file *out);

#endif
