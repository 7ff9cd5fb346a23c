// verdict: crashes
// run: plain
// says:
#include <linux/module.h>

/* On one line: where the stack ends, in the prologue or in the body, is a matter of chance. */
static noinline long dig(long at) { volatile long room[64] = { at }; return at ? dig(at + 1) + room[at & 63] : 0; } /* here */

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
