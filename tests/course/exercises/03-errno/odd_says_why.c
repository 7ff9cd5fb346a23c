/* Says why, in a function of its own. */
#include <linux/module.h>

static int cars;
module_param(cars, int, 0444);
MODULE_PARM_DESC(cars, "How many cars want to come in");

#define PLACES 10

static int check_room(int wanted)
{
    if (wanted < 0) {
        pr_err("there are no %d cars\n", wanted);
        return -EINVAL;
    }
    if (wanted > PLACES) {
        pr_err("%d cars do not fit: %d places\n", wanted, PLACES);
        return -ENOSPC;
    }
    return 0;
}

static int __init parking_init(void)
{
    int error = check_room(cars);

    if (error)
        return error;
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
