#include <linux/module.h>
#include <linux/sysfs.h>

/* A type of parameter of our own, with all that module_param() looks for. */
static int param_set_volume(const char *text, const struct kernel_param *parameter)
{
    u8 wanted;
    int err = kstrtou8(text, 0, &wanted);

    if (err || wanted > 10)
        return -EINVAL;
    *(u8 *)parameter->arg = wanted;
    return 0;
}

static int param_get_volume(char *buffer, const struct kernel_param *parameter)
{
    return scnprintf(buffer, PAGE_SIZE, "%u\n", *(u8 *)parameter->arg);
}

static const struct kernel_param_ops param_ops_volume = {
    .set = param_set_volume,
    .get = param_get_volume,
};
#define param_check_volume(name, p) __param_check(name, p, u8)

static u8 loudness = 5;
module_param_named(volume, loudness, volume, S_IRUGO | S_IWUSR);
MODULE_PARM_DESC(volume, "from 0 to 10");

static char *name = "world";
static int n = 1;
module_param_named(whom, name, charp, S_IRUGO);
MODULE_PARM_DESC(whom, "a name");
module_param_named(times, n, int, S_IRUGO | S_IWUSR);
MODULE_PARM_DESC(times, "a number");

static int __init greeter_init(void)
{
    int left = n;

    while (left-- > 0)
        printk(KERN_NOTICE "greeter: hello %s, how are you?\n", name);
    return 0;
}
module_init(greeter_init);

static void __exit greeter_exit(void)
{
}
module_exit(greeter_exit);
MODULE_LICENSE("GPL v2");
