/* Nested instead of goto; the class first; memory that is zeroed. */
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
    int error = -ENOMEM;

    steps_class = class_create(THIS_MODULE, "steps");
    if (IS_ERR(steps_class))
        return PTR_ERR(steps_class);
    buffer = kzalloc(4096, GFP_KERNEL);
    if (buffer) {
        error = alloc_chrdev_region(&number, 0, 1, "steps");
        if (error == 0)
            return 0;
        kfree(buffer);
    }
    class_destroy(steps_class);
    return error;
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
