#include <linux/device.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

/* Its name in the kernel is another one; that of its node is asked for. Set up when it is loaded. */
static struct miscdevice entrance;

static int come_in(struct inode *inode, struct file *file)
{
    return nonseekable_open(inode, file);
}

static int go_out(struct inode *inode, struct file *file)
{
    pr_debug("somebody leaves\n");
    return 0;
}

static ssize_t look(struct file *file, char __user *to, size_t count, loff_t *position)
{
    return simple_read_from_buffer(to, count, position, "coo\n", 4);
}

static struct file_operations operations = {
    .owner = THIS_MODULE,
    .open = come_in,
    .read = look,
    .release = go_out,
    .llseek = no_llseek,
};

static int __init start(void)
{
    int err;

    entrance = (struct miscdevice){
        .minor = MISC_DYNAMIC_MINOR,
        .name = "loft",
        .nodename = "pigeon",
        .fops = &operations,
        .mode = S_IRUSR | S_IRGRP | S_IROTH,
    };
    err = misc_register(&entrance);
    if (err) {
        pr_err("no door: %d\n", err);
        return err;
    }
    dev_info(entrance.this_device, "open\n");
    return 0;
}

static void __exit stop(void)
{
    misc_deregister(&entrance);
}

module_init(start);
module_exit(stop);
MODULE_LICENSE("GPL");
