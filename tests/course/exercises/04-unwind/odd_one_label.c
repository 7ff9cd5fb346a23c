/* One label for all, which asks what there is; a fixed number; exit uses the same function. */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

static char *buffer;
static dev_t number;
static struct class *steps_class;

static bool have_number;

static void give_back(void)
{
    if (!IS_ERR_OR_NULL(steps_class))
        class_destroy(steps_class);
    if (have_number)
        unregister_chrdev_region(number, 1);
    kfree(buffer);
}

static int steps_init(void)
{
    int error;

    buffer = kmalloc(4096, GFP_KERNEL);
    if (!buffer)
        return -ENOMEM;
    number = MKDEV(240, 0);
    error = register_chrdev_region(number, 1, "steps");
    if (error < 0)
        goto fail;
    have_number = true;
    steps_class = class_create(THIS_MODULE, "steps");
    error = PTR_ERR_OR_ZERO(steps_class);
    if (!error)
        return 0;
fail:
    give_back();
    return error;
}

static void steps_exit(void)
{
    give_back();
}

module_init(steps_init);
module_exit(steps_exit);
MODULE_LICENSE("GPL");
