/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the tracer share: the plan that the host writes, the records that it reads.
 *
 *     tracer.c    comes and goes with the module under test; the files in debugfs
 *     calls.c     breakpoints where that module calls the kernel; a call that is made to fail
 *     memory.c    what it allocated and did not free; memory that crashes whoever uses it after it was freed
 *     pending.c   timers, work and threads that may still run its code
 *     resources.c what there is in the guest, by name
 *     records.c   the records
 */
#ifndef KMODLAB_TRACER_H
#define KMODLAB_TRACER_H

#include <linux/module.h>
#include <linux/sched.h>
#include <linux/seq_file.h>
#include <linux/types.h>

#define FOLDER "kmodlab"
#define NO_SITE 0xffff
#define ARGUMENTS 6 /* those in registers */
#define NO_ARGUMENT 0xff

/*
 * wire_format.py, trace_records.py and kernel_api.py have the same layouts and numbers for the host; a test compares
 * them.
 */

/* ---- the plan: plan.py packs it -------------------------------------------------------------------------------- */

#define PLAN_MAGIC 0x314e504b /* "KPN1" */
#define MAX_SECTIONS 16
#define MAX_SITES 512
#define MAX_SPOTS 1024

enum { SITE_JUMP = 1, SITE_FENCE = 2, SITE_GUARD = 4 };
enum { GIVES_NOTHING, GIVES_MEMORY, GIVES_CACHED, GIVES_PAGE, GIVES_PAGE_ADDRESS };
enum { TAKES_NOTHING, TAKES_MEMORY, TAKES_CACHED, TAKES_RCU, TAKES_PAGE, TAKES_PAGE_ADDRESS };
enum { SEES_NOTHING, SEES_TIMER, SEES_HRTIMER, SEES_WORK, SEES_DELAYED_WORK, SEES_TASKLET, SEES_RCU };
enum { NAME_NONE, NAME_TEXT, NAME_FIRST, NAME_MISC, NAME_NETDEV, NAME_PLATFORM, NAME_PCI };
enum { SPOT_CALL = 1, SPOT_EXIT = 2 };

/* A section with code. Any symbol of it tells where it was put; `value` is that symbol's place in the file. */
struct plan_section {
	u32 symbol;
	u32 reserved;
	u64 value;
} __packed;

/* What a call does that the tracer needs to know, from the host's table of functions; arguments by their number. */
struct plan_site {
	u8 flags, gives, takes, takes_argument;
	u8 sees, sees_argument, name, name_argument;
	u8 size_argument, flags_argument;
	u16 reserved;
} __packed;

/* A place in the code: a call, the instruction after one, or the beginning of the exit function. */
struct plan_spot {
	u32 offset;
	u16 section, site;
	u16 flags, reserved;
} __packed;

struct plan {
	u32 magic;
	u16 sections, sites, spots, stand_in;
	u32 fail_site, fail_nth;
	s64 fail_value;
	u32 recorded_loads, reserved;
	char target[MODULE_NAME_LEN];
} __packed;

extern struct plan plan;

/* ---- records: trace_records.py reads them ---------------------------------------------------------------------- */

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
	LEFT,
	TWICE,
	UNPROBED,
	SETTLED,
	CHECKED,
	FREED_ACTIVE,
	MISPLACED,
	OVERRUN,
	SCRIBBLED,
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
	u16 flags, depth;
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
extern struct task_struct *phase_task; /* that runs init or exit */

int make_records(void);
void clear_records(void);
void open_reserve(void); /* the end has come: the last records may be used */
phys_addr_t records_place(void);
size_t records_size(void);
u32 count_load(bool another);
struct record *new_record(enum kind kind, u16 site);
void fill_record(struct record *record, enum kind kind, u16 site);
void note(enum kind kind, u64 first, u64 second);
bool peek(void *to, unsigned long from, size_t size);
void copy_text(char *to, size_t size, const char *from);

/* ---- memory.c -------------------------------------------------------------------------------------------------- */

int make_memory(void);
void forget_memory(void);
void hold(const struct plan_site *site, u16 number, unsigned long result, u64 size, u32 nth, bool fenced);
void kernel_frees(unsigned long key);
/* Whether a call that frees memory is to be carried out. */
bool may_free(const struct plan_site *site, u16 number, u32 nth, const unsigned long *arguments);
bool is_fenceable(const struct plan_site *site, const unsigned long *arguments);
void *fenced_alloc(size_t size, gfp_t flags);
void *guarded_alloc(size_t size, gfp_t flags);
u32 count_held(bool write);
void record_damage(void);
bool was_memory_full(void);

/* ---- calls.c --------------------------------------------------------------------------------------------------- */

int make_calls(void);
void forget_calls(void);
bool take_sites(const struct plan *head, const struct plan_section *section);
void arm_all(const struct module *module);
void disarm_all(void);
void restore_all(void);

/* ---- pending.c ------------------------------------------------------------------------------------------------- */

extern unsigned long text_start, text_end;

void forget_watched(void);
void watch(const struct plan_site *site, u16 number, unsigned long address);
void record_active(void);
void record_freed_active(u16 number, unsigned long start, u32 size);
u32 count_threads(bool write);
u32 wait_for_callbacks(void);

/* ---- resources.c ----------------------------------------------------------------------------------------------- */

int make_account(void);
void take_account(void);
void print_account(struct seq_file *out);

#endif
