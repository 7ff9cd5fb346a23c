/* caught by: door */
/* A major number of its own for a single node. */
#include <linux/fs.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>

static const struct file_operations door_operations = {
    .owner = THIS_MODULE,
};

static struct class *doors;
static struct device *door;
static int major;

static char *door_node(struct device *device, umode_t *mode)
{
    if (mode)
        *mode = 0444;
    return NULL;
}

static int __init loft_init(void)
{
    int error;

    major = register_chrdev(0, "pigeon", &door_operations);
    if (major < 0)
        return major;
    doors = class_create(THIS_MODULE, "pigeon");
    if (IS_ERR(doors)) {
        error = PTR_ERR(doors);
        goto no_class;
    }
    doors->devnode = door_node;
    door = device_create(doors, NULL, MKDEV(major, 0), NULL, "pigeon");
    if (IS_ERR(door)) {
        error = PTR_ERR(door);
        goto no_device;
    }
    return 0;

no_device:
    class_destroy(doors);
no_class:
    unregister_chrdev(major, "pigeon");
    return error;
}

static void __exit loft_exit(void)
{
    device_destroy(doors, MKDEV(major, 0));
    class_destroy(doors);
    unregister_chrdev(major, "pigeon");
}

module_init(loft_init);
module_exit(loft_exit);
MODULE_DESCRIPTION("A door for pigeons");
MODULE_LICENSE("GPL");
