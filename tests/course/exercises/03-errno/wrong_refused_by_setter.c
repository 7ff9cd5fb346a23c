/* caught by: invalid */
/* The parameter is refused, and init is never called. */
#include <linux/module.h>

static int cars;

static int set_cars(const char *text, const struct kernel_param *parameter)
{
    int number, error = kstrtoint(text, 0, &number);

    if (error)
        return error;
    if (number < 0)
        return -EINVAL;
    return number > 10 ? -ENOSPC : param_set_int(text, parameter);
}

static const struct kernel_param_ops cars_ops = { .set = set_cars, .get = param_get_int };
module_param_cb(cars, &cars_ops, &cars, 0444);
MODULE_PARM_DESC(cars, "How many cars want to come in");

static int __init parking_init(void)
{
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
