/* caught by: unwinds */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

static char *buffer;
static dev_t number;
static struct class *steps_class;

static int steps_init(void)
{
    buffer = kmalloc(4096, GFP_KERNEL);
    alloc_chrdev_region(&number, 0, 1, "steps");
    steps_class = class_create(THIS_MODULE, "steps");
    return 0;
}

static void steps_exit(void)
{
    class_destroy(steps_class);
    unregister_chrdev_region(number, 1);
    kfree(buffer);
}

module_init(steps_init);
module_exit(steps_exit);
MODULE_LICENSE("GPL");
