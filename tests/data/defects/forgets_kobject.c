// verdict: leaks
// run: plain
// says: the kobject probe_kobject
#include <linux/module.h>
#include <linux/kobject.h>

static struct kobject *kobject;

static int __init probe_init(void)
{
	kobject = kobject_create_and_add("probe_kobject", kernel_kobj); /* here */
	return kobject ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
