/* Its own prefix, two authors, a licence for others too. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>

static int hello_init(void)
{
    pr_notice("hello init, from %s\n", THIS_MODULE->name);
    return 0;
}

static void hello_exit(void)
{
    pr_notice("hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_AUTHOR("Ö. Læring <o@example.org>");
MODULE_AUTHOR("B");
MODULE_LICENSE("Dual BSD/GPL");
