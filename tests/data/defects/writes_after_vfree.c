// verdict: crashes
// run: plain
// says: use after free
#include <linux/module.h>
#include <linux/vmalloc.h>

static char * volatile p;

static int __init probe_init(void)
{
	p = vmalloc(9000);
	return p ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	vfree(p);
	p[5] = 1; /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
