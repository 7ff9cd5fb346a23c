// An address that belongs to nobody.
#include <linux/module.h>

static int __init pagefault_init(void)
{
	unsigned long *somewhere = (unsigned long *)0xffff999900000000UL;

	pr_info("read %lu\n", *somewhere); /* here */
	return 0;
}

static void __exit pagefault_exit(void)
{
}

module_init(pagefault_init);
module_exit(pagefault_exit);
MODULE_LICENSE("GPL");
