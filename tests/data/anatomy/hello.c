#include <linux/printk.h>
#include <linux/module.h>

static int times = 1;
module_param(times, int, 0444);
MODULE_PARM_DESC(times, "how often to say it");

static int __init hello_init(void)
{
	for (int i = 0; i < times; i++)
		pr_info("hello init\n");
	return 0;
}

static void __exit hello_exit(void)
{
	pr_info("hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_DESCRIPTION("Says hello");
MODULE_LICENSE("GPL");
