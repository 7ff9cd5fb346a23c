/* The names that the kernel looks for itself, without module_init(); another level; another free licence. */
#include <linux/kernel.h>
#include <linux/module.h>

MODULE_AUTHOR("A. Learner <learner@example.org>");
MODULE_LICENSE("Dual MIT/GPL");

int init_module(void)
{
    printk(KERN_DEBUG "this is hello init, on %s\n", THIS_MODULE->name);
    return 0;
}

void cleanup_module(void)
{
    pr_warn("hello exit");
}
