// SPDX-License-Identifier: GPL-2.0-or-later
#include <linux/module.h>
#include <linux/printk.h>

static int hello_init(void)
{
	printk(KERN_DEBUG "hello init\n");
	return 0;
}

static void hello_exit(void)
{
	printk(KERN_DEBUG "hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);

MODULE_LICENSE("GPL");
