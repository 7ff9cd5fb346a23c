#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/module.h>

static int cars;
module_param(cars, int, 0444);
MODULE_PARM_DESC(cars, "How many cars want to come in");

static int __init parking_init(void)
{
    int err = 0;

    /* Zero to ten fit. */
    if (cars != clamp(cars, 0, 10)) {
        err = cars < 0 ? -EINVAL : -ENOSPC;
        goto out;
    }
    printk("the gate opens for %i cars today\n", cars);
out:
    pr_debug("%d\n", err);
    return err;
}

static void __exit parking_exit(void)
{
}

module_init(parking_init);
module_exit(parking_exit);
MODULE_DESCRIPTION("The gate of a car park");
MODULE_LICENSE("GPL");
