/* A new piece of memory for each notice; RCU for the readers. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define ROOM 64

struct notice {
    struct rcu_head rcu;
    size_t length;
    char text[];
};

static struct notice __rcu *board;
static DEFINE_MUTEX(lock);

static ssize_t board_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
    struct notice *notice;
    char copy[ROOM];
    size_t size = 0;

    rcu_read_lock();
    notice = rcu_dereference(board);
    if (notice) {
        size = notice->length;
        memcpy(copy, notice->text, size);
    }
    rcu_read_unlock();
    return simple_read_from_buffer(to, count, position, copy, size);
}

static ssize_t board_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
    struct notice *notice, *old;

    if (count > ROOM)
        return -ENOSPC;
    notice = kmalloc(struct_size(notice, text, count), GFP_KERNEL);
    if (!notice)
        return -ENOMEM;
    if (copy_from_user(notice->text, from, count)) {
        kfree(notice);
        return -EFAULT;
    }
    notice->length = count;
    mutex_lock(&lock);
    old = rcu_replace_pointer(board, notice, lockdep_is_held(&lock));
    mutex_unlock(&lock);
    if (old)
        kfree_rcu(old, rcu);
    return count;
}

static const struct file_operations board_operations = {
    .owner = THIS_MODULE,
    .read = board_read,
    .write = board_write,
};

static struct miscdevice board_device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "notice",
    .fops = &board_operations,
};

static int __init board_init(void)
{
    return misc_register(&board_device);
}

static void __exit board_exit(void)
{
    misc_deregister(&board_device);
    kfree(rcu_dereference_protected(board, true));
}

module_init(board_init);
module_exit(board_exit);
MODULE_DESCRIPTION("A board with room for one notice");
MODULE_LICENSE("GPL");
