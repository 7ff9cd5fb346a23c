/* caught by: mode opens */
/* All may read it, says its mode; its open says no. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/capability.h>
#include <linux/module.h>

static int door_open(struct inode *inode, struct file *file)
{
    return capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

static const struct file_operations door_operations = {
    .open = door_open,
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
