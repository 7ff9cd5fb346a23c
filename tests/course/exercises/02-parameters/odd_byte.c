/* A byte is enough for a volume; its own getter. */
#include <linux/module.h>

static char *whom = "world";
module_param(whom, charp, 0444);
MODULE_PARM_DESC(whom, "who is greeted");

static int times = 1;
module_param(times, int, 0644);
MODULE_PARM_DESC(times, "how often");

static u8 volume = 5;

static int set_volume(const char *text, const struct kernel_param *parameter)
{
    u8 wanted;
    int error = kstrtou8(text, 0, &wanted);

    if (error)
        return error;
    if (wanted > 10)
        return -EINVAL;
    volume = wanted;
    return 0;
}

static int get_volume(char *buffer, const struct kernel_param *parameter)
{
    return sysfs_emit(buffer, "%u\n", volume);
}

static const struct kernel_param_ops volume_ops = {
    .set = set_volume,
    .get = get_volume,
};
module_param_cb(volume, &volume_ops, NULL, 0644);
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
