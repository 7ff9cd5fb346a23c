/* The macro writes both functions. */
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

module_misc_device(door);
MODULE_DESCRIPTION("A door for pigeons");
MODULE_LICENSE("GPL");
