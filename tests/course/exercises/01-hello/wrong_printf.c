/* caught by: builds */
#include <linux/module.h>

static int hello_init(void)
{
    printf("hello init\n");
    return 0;
}

static void hello_exit(void)
{
    printf("hello exit\n");
}

module_init(hello_init);
module_exit(hello_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("A. Learner");
