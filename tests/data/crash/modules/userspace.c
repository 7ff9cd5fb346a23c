// Follows a program's address without asking.
#include <linux/module.h>

static noinline int look(const char *address)
{
	return *(const volatile char *)address; /* here */
}

static int __init userspace_init(void)
{
	return look((const char *)0x7fff12345000UL) ? 0 : -EINVAL;
}

static void __exit userspace_exit(void)
{
}

module_init(userspace_init);
module_exit(userspace_exit);
MODULE_LICENSE("GPL");
