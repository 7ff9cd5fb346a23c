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

/* Each step has a function that takes it and one that reverts it. */
static int take_memory(void)
{
    buffer = kmalloc(4096, GFP_KERNEL);
    return buffer ? 0 : -ENOMEM;
}

static void free_memory(void)
{
    kfree(buffer);
}

static int take_number(void)
{
    return alloc_chrdev_region(&number, 0, 1, "steps");
}

static void free_number(void)
{
    unregister_chrdev_region(number, 1);
}

static int make_class(void)
{
    steps_class = create_class("steps");
    return PTR_ERR_OR_ZERO(steps_class);
}

static void remove_class(void)
{
    class_unregister(steps_class);
}

static const struct {
    int (*take)(void);
    void (*revert)(void);
} steps[] = {
    { take_memory, free_memory },
    { take_number, free_number },
    { make_class, remove_class },
};

static void revert_below(int i)
{
    while (i--)
        steps[i].revert();
}

static int steps_init(void)
{
    int i, err;

    for (i = 0; i < ARRAY_SIZE(steps); i++) {
        err = steps[i].take();
        if (err) {
            revert_below(i);
            return err;
        }
    }
    return 0;
}

static void steps_exit(void)
{
    revert_below(ARRAY_SIZE(steps));
}

module_init(steps_init);
module_exit(steps_exit);
MODULE_LICENSE("GPL");
