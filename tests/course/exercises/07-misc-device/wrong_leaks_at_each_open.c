/* caught by: level */
/* Each open takes memory that nobody frees. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>

static int door_open(struct inode *inode, struct file *file)
{
    file->private_data = kzalloc(64, GFP_KERNEL);
    return file->private_data ? 0 : -ENOMEM;
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
