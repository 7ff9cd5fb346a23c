/* By hand; the lock is held while the text is copied from the program. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#define ROOM 64

static char board[ROOM];
static size_t length; /* of the notice, in bytes */
static DEFINE_MUTEX(lock);

static ssize_t board_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
    ssize_t got = 0;

    mutex_lock(&lock);
    if (*position < length) {
        got = min_t(size_t, count, length - *position);
        if (copy_to_user(to, board + *position, got))
            got = -EFAULT;
        else
            *position += got;
    }
    mutex_unlock(&lock);
    return got;
}

static ssize_t board_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
    ssize_t result = count;

    if (count > ROOM)
        return -ENOSPC;
    mutex_lock(&lock);
    if (copy_from_user(board, from, count))
        result = -EFAULT;
    else
        length = count;
    mutex_unlock(&lock);
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
