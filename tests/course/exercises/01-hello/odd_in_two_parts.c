/* One line in two parts, another initcall, the author as plain information. */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/module.h>

MODULE_INFO(author, "A. Learner <learner@example.org>");
MODULE_LICENSE("Dual MIT/GPL");

static int __init start(void)
{
    pr_notice("%s: hello ", KBUILD_MODNAME);
    pr_cont("init\n");
    return 0;
}
late_initcall(start);

static void __exit stop(void)
{
    printk("this is my hello exit, bye\n");
}
module_exit(stop);
