/* A class that needs no memory of its own, and memory that is empty. */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

static char *buffer;
static dev_t number;
static struct class steps_class = { .name = "steps" };

static int steps_init(void)
{
    int error;

    buffer = kzalloc(PAGE_SIZE, GFP_KERNEL);
    if (!buffer)
        return -ENOMEM;
    error = alloc_chrdev_region(&number, 0, 1, "steps");
    if (error)
        goto free_buffer;
    error = class_register(&steps_class);
    if (error)
        goto free_number;
    return 0;

free_number:
    unregister_chrdev_region(number, 1);
free_buffer:
    kfree(buffer);
    return error;
}

static void steps_exit(void)
{
    class_unregister(&steps_class);
    unregister_chrdev_region(number, 1);
    kfree(buffer);
}

module_init(steps_init);
module_exit(steps_exit);
MODULE_LICENSE("GPL");
