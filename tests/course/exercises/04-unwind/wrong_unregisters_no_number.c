/* caught by: reverts */
/* Exit gives none of one number back. */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/version.h>

/* Since Linux 6.4, class_create() takes only the name. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define create_class(name) class_create(THIS_MODULE, name)
#else
#define create_class(name) class_create(name)
#endif

static char *buffer;
static dev_t number;
static struct class *steps_class;

static int steps_init(void)
{
    int error;

    buffer = kmalloc(4096, GFP_KERNEL);
    if (!buffer)
        return -ENOMEM;
    error = alloc_chrdev_region(&number, 0, 1, "steps");
    if (error)
        goto free_buffer;
    steps_class = create_class("steps");
    if (IS_ERR(steps_class)) {
        error = PTR_ERR(steps_class);
        goto free_number;
    }
    return 0;

free_number:
    unregister_chrdev_region(number, 1);
free_buffer:
    kfree(buffer);
    return error;
}

static void steps_exit(void)
{
    class_destroy(steps_class);
    unregister_chrdev_region(number, 0);
    kfree(buffer);
}

module_init(steps_init);
module_exit(steps_exit);
MODULE_LICENSE("GPL");
