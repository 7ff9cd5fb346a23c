/* caught by: author */
/* It has an author, who has no name. */
#include <linux/module.h>

static int hello_init(void)
{
    printk(KERN_INFO "hello init\n");
    return 0;
}

static void hello_exit(void)
{
    printk(KERN_INFO "hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("");
