/* caught by: together */
/* Readers have a lock, writers have another one. */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#define ROOM 64

static char board[ROOM];
static size_t length; /* of the notice, in bytes */
static DEFINE_MUTEX(lock);
static DEFINE_MUTEX(write_lock);

static ssize_t board_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
    ssize_t result;

    mutex_lock(&lock);
    result = simple_read_from_buffer(to, count, position, board, length);
    mutex_unlock(&lock);
    return result;
}

static ssize_t board_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
    char notice[ROOM];

    if (count > ROOM)
        return -ENOSPC;
    if (copy_from_user(notice, from, count))
        return -EFAULT;
    mutex_lock(&write_lock);
    memcpy(board, notice, count);
    length = count;
    mutex_unlock(&write_lock);
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

module_misc_device(board_device);
MODULE_DESCRIPTION("A board with room for one notice");
MODULE_LICENSE("GPL");
