// verdict: crashes
// run: plain
// says:
#include <linux/module.h>

static int * volatile pointer = (int *)0x6b6b6b6b00000000;

static int __init probe_init(void)
{
	return *pointer; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
