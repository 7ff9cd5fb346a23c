/* caught by: together, ends */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#define ROOM 64

static char board[ROOM];
static size_t length; /* of the notice, in bytes */
static DEFINE_SPINLOCK(lock);

static ssize_t board_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
    ssize_t got;

    spin_lock(&lock);
    got = simple_read_from_buffer(to, count, position, board, length);
    spin_unlock(&lock);
    return got;
}

static ssize_t board_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
    ssize_t result = count;

    if (count > ROOM)
        return -ENOSPC;
    spin_lock(&lock);
    if (copy_from_user(board, from, count))
        result = -EFAULT;
    else
        length = count;
    spin_unlock(&lock);
    return result;
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

module_misc_device(board_device);
MODULE_DESCRIPTION("A board with room for one notice");
MODULE_LICENSE("GPL");
