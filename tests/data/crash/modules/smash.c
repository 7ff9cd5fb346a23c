// A copy that runs over the end of a local array.
#include <linux/module.h>

static int length = 64;
module_param(length, int, 0444);

static noinline int parse(int count)
{
	char word[16];
	char *to = word;
	int i;

	OPTIMIZER_HIDE_VAR(to);
	for (i = 0; i < count; i++)
		to[i] = 'x';
	return word[count & 15];
} /* here */

static int __init smash_init(void)
{
	return parse(length) ? 0 : -EINVAL;
}

static void __exit smash_exit(void)
{
}

module_init(smash_init);
module_exit(smash_exit);
MODULE_LICENSE("GPL");
