/* Sections, the module's name before each line, exit above init. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt
#include <linux/init.h>
#include <linux/module.h>
#include <linux/printk.h>

static void __exit leave(void)
{
    pr_info("Hello exit.\n");
}
module_exit(leave);

static int __init enter(void)
{
    pr_info("Hello init.\n");
    return 0;
}
module_init(enter);

MODULE_DESCRIPTION("Says hello");
MODULE_AUTHOR("A. Learner");
MODULE_LICENSE("GPL v2");
