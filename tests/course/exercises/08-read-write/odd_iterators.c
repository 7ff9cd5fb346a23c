#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uio.h>

#define ROOM 64

static char board[ROOM];
static size_t length; /* of the notice, in bytes */
static DEFINE_MUTEX(lock); /* of the board and its length */

static ssize_t board_read(struct kiocb *call, struct iov_iter *to)
{
    ssize_t copied = 0;

    if (mutex_lock_interruptible(&lock))
        return -ERESTARTSYS;
    if (call->ki_pos < length) {
        copied = copy_to_iter(board + call->ki_pos, length - call->ki_pos, to);
        if (!copied && iov_iter_count(to))
            copied = -EFAULT;
        else
            call->ki_pos += copied;
    }
    mutex_unlock(&lock);
    return copied;
}

static ssize_t board_write(struct kiocb *call, struct iov_iter *from)
{
    size_t count = iov_iter_count(from);
    char notice[ROOM];

    if (count > sizeof(notice))
        return -ENOSPC;
    if (!copy_from_iter_full(notice, count, from))
        return -EFAULT;
    if (mutex_lock_interruptible(&lock))
        return -ERESTARTSYS;
    length = count;
    memcpy(board, notice, count);
    mutex_unlock(&lock);
    return count;
}

static const struct file_operations board_operations = {
    .owner = THIS_MODULE,
    .read_iter = board_read,
    .write_iter = board_write,
    .llseek = default_llseek,
};

static struct miscdevice board_device = {
    .minor = MISC_DYNAMIC_MINOR,
    .name = "notice",
    .fops = &board_operations,
};

module_misc_device(board_device);
MODULE_DESCRIPTION("A board with room for one notice");
MODULE_LICENSE("GPL");
