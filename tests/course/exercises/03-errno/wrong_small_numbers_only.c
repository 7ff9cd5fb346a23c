/* caught by: invalid full edges */
/* Numbers that are far off are let in. */
#include <linux/module.h>

static int cars;
module_param(cars, int, 0444);
MODULE_PARM_DESC(cars, "How many cars want to come in");

static int __init parking_init(void)
{
    if (cars < 0 && cars > -100)
        return -EINVAL;
    if (cars > 10 && cars < 100)
        return -ENOSPC;
    pr_info("%d cars\n", cars);
    return 0;
}

static void __exit parking_exit(void)
{
}

module_init(parking_init);
module_exit(parking_exit);
MODULE_DESCRIPTION("The gate of a car park");
MODULE_LICENSE("GPL");
