/* Allocates the structure, and says why it fails. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

static const struct file_operations door_operations = {
    .owner = THIS_MODULE,
    .open = nonseekable_open,
    .llseek = no_llseek,
};

static struct miscdevice *door;

static int __init loft_init(void)
{
    int ret;

    door = kzalloc(sizeof(*door), GFP_KERNEL);
    if (!door)
        return -ENOMEM;
    door->minor = MISC_DYNAMIC_MINOR;
    door->name = "pigeon";
    door->fops = &door_operations;
    door->mode = S_IRUGO;
    ret = misc_register(door);
    if (ret) {
        pr_err("no door: %d\n", ret);
        kfree(door);
    }
    return ret;
}

static void __exit loft_exit(void)
{
    misc_deregister(door);
    kfree(door);
}

module_init(loft_init);
module_exit(loft_exit);
MODULE_DESCRIPTION("A door for pigeons");
MODULE_LICENSE("GPL");
