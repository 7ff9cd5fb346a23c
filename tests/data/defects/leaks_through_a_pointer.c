// verdict: leaks
// run: plain
// says: 8192 bytes of memory (vmalloc)
#include <linux/module.h>
#include <linux/vmalloc.h>

static void *(*volatile get_memory)(unsigned long size) = vmalloc;
static char *buffer;

static int __init probe_init(void)
{
	buffer = get_memory(8192); /* here */
	return buffer ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
