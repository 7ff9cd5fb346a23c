// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>
#include <linux/string.h>

static char * volatile text;

static int __init probe_init(void)
{
	return strlen(text) > 10; /* here */
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
