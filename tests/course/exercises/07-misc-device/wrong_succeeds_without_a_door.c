/* caught by: fails */
/* Ignores that the door could not be registered. */
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
    .mode = 0444,
};

static int __init loft_init(void)
{
    misc_register(&door);
    return 0;
}

static void __exit loft_exit(void)
{
    misc_deregister(&door);
}

module_init(loft_init);
module_exit(loft_exit);
MODULE_DESCRIPTION("A door for pigeons");
MODULE_LICENSE("GPL");
