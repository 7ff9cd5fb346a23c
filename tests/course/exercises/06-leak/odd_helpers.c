#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

static char *letters;
static struct workqueue_struct *postmen;
static struct proc_dir_entry *office;

static const struct file_operations window_operations = {
    .owner = THIS_MODULE,
};

static struct miscdevice window = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "post",
    .fops = &window_operations,
};

static void clear(void)
{
    proc_remove(office);
    if (postmen)
        destroy_workqueue(postmen);
    kfree(letters);
}

static int __init post_init(void)
{
    int err;

    letters = kcalloc(64, 64, GFP_KERNEL);
    if (!letters)
        return -ENOMEM;
    if (!(postmen = alloc_ordered_workqueue("postmen", 0)) || !(office = proc_mkdir("post", NULL))) {
        clear();
        return -ENOMEM;
    }
    if ((err = misc_register(&window)) != 0)
        clear();
    else
        pr_info("the post is open\n");
    return err;
}

static void __exit post_exit(void)
{
    misc_deregister(&window);
    clear();
}

module_init(post_init);
module_exit(post_exit);
MODULE_DESCRIPTION("A post office with a leak");
MODULE_LICENSE("GPL");
