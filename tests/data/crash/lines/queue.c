/* The second file: called from the first one, and from its exit function. */
#include "queue.h"

int queue_check(const struct queue *q)
{
	if (!q)
		return -1;
	return queue_sum(q) > 100;
}
