/* caught by: opens */
/* The door opens once and never again. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

static int opened;

static int open_door(struct inode *inode, struct file *file)
{
    return opened++ ? -EBUSY : 0;
}

static const struct file_operations door_operations = {
    .owner = THIS_MODULE,
    .open = open_door,
};

static struct miscdevice door = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "pigeon",
    .fops = &door_operations,
    .mode = 0444,
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
