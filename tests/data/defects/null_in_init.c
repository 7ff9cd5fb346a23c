// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>

static int * volatile pointer;

static int __init probe_init(void)
{
	*pointer = 1; /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
