// verdict: crashes
// run: plain
// says:
#include <linux/module.h>

static noinline long dig(long depth)
{
	volatile long room[64] = { depth }; /* here */

	return depth > 0 ? dig(depth + 1) + room[depth & 63] : 0;
}

static int __init probe_init(void)
{
	return dig(1) & 1 ? 0 : 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
