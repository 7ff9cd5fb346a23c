/* caught by: parts */
#include <linux/module.h>

static int hello_init(void)
{
    printk(KERN_INFO "hello init\n");
    return 0;
}

static void hello_exit(void)
{
    
}

module_init(hello_init);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("A. Learner");
