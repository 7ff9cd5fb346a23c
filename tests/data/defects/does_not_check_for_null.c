// verdict: crashes
// run: kmalloc
// says: NULL
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

static char * volatile buffer;

static int __init probe_init(void)
{
	buffer = kmalloc(64, GFP_KERNEL);
	buffer[0] = 'a'; /* here */
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
