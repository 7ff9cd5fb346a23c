/* The kernel has a function for numbers between two limits. */
#include <linux/module.h>

static char *whom = "world";
module_param(whom, charp, 0444);
MODULE_PARM_DESC(whom, "who is greeted");

static int times = 1;
module_param(times, int, 0644);
MODULE_PARM_DESC(times, "how often");

static unsigned int volume = 5;

static int set_volume(const char *text, const struct kernel_param *parameter)
{
    return param_set_uint_minmax(text, parameter, 0, 10);
}

static const struct kernel_param_ops volume_ops = {
    .set = set_volume,
    .get = param_get_uint,
};
module_param_cb(volume, &volume_ops, &volume, 0644);
MODULE_PARM_DESC(volume, "how loud, from 0 to 10");

static int greeter_init(void)
{
    for (int left = times; left > 0; left--)
        pr_info("hello %s\n", whom);
    return 0;
}

static void greeter_exit(void)
{
}

module_init(greeter_init);
module_exit(greeter_exit);
MODULE_LICENSE("GPL");
