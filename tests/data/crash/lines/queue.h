/* An inline function of the module's own, called from both of its files. */
struct queue {
	int length;
	int *items;
};

static inline int queue_sum(const struct queue *q)
{
	int sum = 0;
	int i;

	for (i = 0; i < q->length; i++)
		sum += q->items[i];
	return sum;
}
