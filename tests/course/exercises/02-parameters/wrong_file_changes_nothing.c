/* caught by: volume */
/* insmod sets it; its file accepts a value and forgets it. */
#include <linux/module.h>

static char *whom = "world";
module_param(whom, charp, 0444);
MODULE_PARM_DESC(whom, "who is greeted");

static int times = 1;
module_param(times, int, 0644);
MODULE_PARM_DESC(times, "how often");

static int volume = 5;

static int set_volume(const char *text, const struct kernel_param *parameter)
{
    int wanted, error;

    error = kstrtoint(text, 0, &wanted);
    if (error)
        return error;
    if (wanted < 0 || wanted > 10)
        return -EINVAL;
    if (THIS_MODULE->state == MODULE_STATE_LIVE)
        return 0;
    return param_set_int(text, parameter);
}

static const struct kernel_param_ops volume_ops = {
    .set = set_volume,
    .get = param_get_int,
};
module_param_cb(volume, &volume_ops, &volume, 0644);
MODULE_PARM_DESC(volume, "how loud, from 0 to 10");

static int greeter_init(void)
{
    int i;

    for (i = 0; i < times; i++)
        pr_info("hello %s\n", whom);
    return 0;
}

static void greeter_exit(void)
{
}

module_init(greeter_init);
module_exit(greeter_exit);
MODULE_LICENSE("GPL");
