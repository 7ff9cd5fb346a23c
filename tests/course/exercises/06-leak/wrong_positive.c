/* caught by: faults */
/* The error has lost its sign. */
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

static int __init post_init(void)
{
    int err = -ENOMEM;

    letters = kzalloc(4096, GFP_KERNEL);
    if (!letters)
        return err;
    postmen = alloc_workqueue("postmen", 0, 0);
    if (!postmen)
        goto free_letters;
    office = proc_mkdir("post", NULL);
    if (!office)
        goto dismiss_postmen;
    err = misc_register(&window);
    if (err)
        goto close_office;
    pr_info("the post is open\n");
    return 0;

close_office:
    proc_remove(office);
dismiss_postmen:
    destroy_workqueue(postmen);
free_letters:
    kfree(letters);
    return -err;
}

static void __exit post_exit(void)
{
    misc_deregister(&window);
    proc_remove(office);
    destroy_workqueue(postmen);
    kfree(letters);
}

module_init(post_init);
module_exit(post_exit);
MODULE_DESCRIPTION("A post office with a leak");
MODULE_LICENSE("GPL");
