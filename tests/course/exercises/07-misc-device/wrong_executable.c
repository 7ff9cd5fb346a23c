/* caught by: mode */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static const struct file_operations door_operations = {
    .owner = THIS_MODULE,
};

static struct miscdevice door = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "pigeon",
    .fops = &door_operations,
    .mode = 0555,
};

static int __init loft_init(void)
{
    return misc_register(&door);
}

static void __exit loft_exit(void)
{
    misc_deregister(&door);
}

module_init(loft_init);
module_exit(loft_exit);
MODULE_DESCRIPTION("A door for pigeons");
MODULE_LICENSE("GPL");
