/*
 * A module's shape without a kernel: code in .text, .init.text and .exit.text, each of which starts at address 0,
 * inlined functions two deep, two files. Made into lines.ko by
 *
 *	gcc -O2 -g -fno-pic -fcf-protection=none -ffile-prefix-map=$PWD=/lab -c lines.c queue.c modinfo.s
 *	ld -r lines.o queue.o modinfo.o -o lines.ko
 */
#include "queue.h"

#define init_code __attribute__((section(".init.text"), used))
#define exit_code __attribute__((section(".exit.text"), used))

struct queue *queue;
int queue_check(const struct queue *q);

static inline int twice(const struct queue *q)
{
	return 2 * queue_sum(q);
}

init_code int lines_init(void)
{
	int sum = twice(queue);

	if (sum > 10)
		return -22;
	return queue_check(queue);
}

exit_code void lines_exit(void)
{
	queue_check(queue);
	queue->length = 0;
}

__attribute__((used, noinline)) static int lines_timer(struct queue *q)
{
	q->length -= 1;
	return queue_check(q) + 1;
}
