// SPDX-License-Identifier: GPL-2.0-or-later
/* The records, in contiguous memory that the host reads from outside, even after the guest has crashed. */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/sched/clock.h>
#include <linux/uaccess.h>
#include "tracer.h"

#define ORDER 7
#define RESERVED 512 /* records that are reserved for the checks at the end */

static struct records *records;
static u32 call_limit; /* calls are recorded only below this count; other records are rare */

enum phase phase;
struct task_struct *phase_task;

int make_records(void)
{
	records = (void *)__get_free_pages(GFP_KERNEL | __GFP_ZERO, ORDER);
	return records ? 0 : -ENOMEM;
}

phys_addr_t records_address(void)
{
	return virt_to_phys(records);
}

size_t records_size(void)
{
	return PAGE_SIZE << ORDER;
}

void clear_records(void)
{
	memset(records, 0, sizeof(*records));
	records->magic = RECORDS_MAGIC;
	records->size = sizeof(struct record);
	records->capacity = (records_size() - sizeof(*records)) / sizeof(struct record);
	call_limit = records->capacity - RESERVED;
	phase = OUTSIDE;
	phase_task = NULL;
}

void use_reserve(void)
{
	call_limit = records->capacity;
}

u32 count_load(bool another)
{
	return records->loads += another;
}

void fill_record(struct record *record, enum kind kind, u16 site)
{
	memset(record, 0, sizeof(*record));
	record->kind = kind;
	record->phase = phase;
	record->site = site;
	record->pid = current->pid;
	record->time = local_clock();
}

struct record *new_record(enum kind kind, u16 site)
{
	struct record *record;

	if (records->count >= (kind == CALL ? call_limit : records->capacity)) {
		records->dropped++;
		return NULL;
	}
	record = &records->at[records->count];
	fill_record(record, kind, site);
	/* The host may read at any time: count a record once it is complete. */
	smp_store_release(&records->count, records->count + 1);
	return record;
}

void record_event(enum kind kind, u64 first, u64 second)
{
	struct record *record = new_record(kind, NO_SITE);

	if (record) {
		record->arguments[0] = first;
		record->arguments[1] = second;
	}
}

/* Read memory that may not be mapped. */
bool peek(void *to, unsigned long from, size_t size)
{
	return !copy_from_kernel_nofault(to, (void *)from, size);
}

void copy_text(char *to, size_t size, const char *from)
{
	size_t at;

	for (at = 0; at < size - 1; at++)
		if (!peek(to + at, (unsigned long)from + at, 1) || !to[at])
			break;
	to[at] = 0;
}
