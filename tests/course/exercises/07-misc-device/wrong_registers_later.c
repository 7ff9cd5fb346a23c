/* caught by: door fails */
/* Init does not wait for the result. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/workqueue.h>

static const struct file_operations door_operations = {
    .owner = THIS_MODULE,
};

static struct miscdevice door = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "pigeon",
    .fops = &door_operations,
    .mode = 0444,
};

static void open_door(struct work_struct *unused)
{
    misc_register(&door);
}
static DECLARE_WORK(opening, open_door);

static int __init loft_init(void)
{
    schedule_work(&opening);
    return 0;
}

static void __exit loft_exit(void)
{
    flush_work(&opening);
    misc_deregister(&door);
}

module_init(loft_init);
module_exit(loft_exit);
MODULE_DESCRIPTION("A door for pigeons");
MODULE_LICENSE("GPL");
