// Recursion without an end.
#include <linux/module.h>

static int depth;

static noinline int descend(int level)
{
	char room[256];

	memset(room, level, sizeof(room)); /* here */
	OPTIMIZER_HIDE_VAR(level);
	if (level >= 0)
		depth = descend(level + 1);
	return depth + room[level & 255];
}

static int __init stackover_init(void)
{
	return descend(0) < 0 ? -EINVAL : 0;
}

static void __exit stackover_exit(void)
{
}

module_init(stackover_init);
module_exit(stackover_exit);
MODULE_LICENSE("GPL");
