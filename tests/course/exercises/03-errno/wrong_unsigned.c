/* caught by: invalid */
/* The kernel refuses the parameter: init never says why. */
#include <linux/module.h>

static unsigned int cars;
module_param(cars, uint, 0444);
MODULE_PARM_DESC(cars, "How many cars want to come in");

static int __init parking_init(void)
{
    if (cars > 10)
        return -ENOSPC;
    pr_info("%u cars\n", cars);
    return 0;
}

static void __exit parking_exit(void)
{
}

module_init(parking_init);
module_exit(parking_exit);
MODULE_DESCRIPTION("The gate of a car park");
MODULE_LICENSE("GPL");
