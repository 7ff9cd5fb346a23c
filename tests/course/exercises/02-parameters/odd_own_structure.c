/* A range in a structure, a getter of its own, other names behind the parameters, init without a loop of its own. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

struct dial {
	long low, high, value;
};

static struct dial dial = { .low = 0, .high = 10, .value = 5 };

static int dial_set(const char *val, const struct kernel_param *kp)
{
	struct dial *d = kp->arg;
	long v;
	int ret = kstrtol(val, 10, &v);

	if (ret < 0)
		return ret;
	if (v < d->low || v > d->high)
		return -EINVAL;
	d->value = v;
	return 0;
}

static int dial_get(char *page, const struct kernel_param *kp)
{
	struct dial *d = kp->arg;

	return scnprintf(page, PAGE_SIZE, "%ld\n", d->value);
}

static const struct kernel_param_ops dial_ops = { .set = dial_set, .get = dial_get };
module_param_cb(volume, &dial_ops, &dial, S_IRUGO | S_IWUSR);
__MODULE_PARM_TYPE(volume, "int");
MODULE_PARM_DESC(volume, "Volume (0..10)");

static char *name = "world";
module_param_named(whom, name, charp, S_IRUGO);
MODULE_PARM_DESC(whom, "Name");
static int repeat = 1;
module_param_named(times, repeat, int, S_IRUGO | S_IWUSR);
MODULE_PARM_DESC(times, "Times");

static int __init start(void)
{
	int left = repeat;

	while (left-- > 0)
		printk(KERN_NOTICE "Hello %s!\n", name);
	return 0;
}

static void __exit stop(void)
{
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("Another");
