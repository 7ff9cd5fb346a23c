/* caught by: lets-in edges */
/* It returns how many have come in, a positive number. */
#include <linux/module.h>

static int cars;
module_param(cars, int, 0444);
MODULE_PARM_DESC(cars, "How many cars want to come in");

static int __init parking_init(void)
{
    if (cars < 0)
        return -EINVAL;
    if (cars > 10)
        return -ENOSPC;
    pr_info("%d cars\n", cars);
    return cars;
}

static void __exit parking_exit(void)
{
}

module_init(parking_init);
module_exit(parking_exit);
MODULE_DESCRIPTION("The gate of a car park");
MODULE_LICENSE("GPL");
