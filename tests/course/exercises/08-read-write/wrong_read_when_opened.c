/* caught by: edges */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define ROOM 64

static char board[ROOM];
static size_t length; /* of the notice, in bytes */
static DEFINE_MUTEX(lock);

struct copy {
    size_t length;
    char text[ROOM];
};

static int board_open(struct inode *inode, struct file *file)
{
    struct copy *copy = kmalloc(sizeof(*copy), GFP_KERNEL);

    if (!copy)
        return -ENOMEM;
    mutex_lock(&lock);
    memcpy(copy->text, board, length);
    copy->length = length;
    mutex_unlock(&lock);
    file->private_data = copy;
    return 0;
}

static int board_release(struct inode *inode, struct file *file)
{
    kfree(file->private_data);
    return 0;
}

static ssize_t board_read(struct file *file, char __user *to, size_t count, loff_t *position)
{
    struct copy *copy = file->private_data;

    return simple_read_from_buffer(to, count, position, copy->text, copy->length);
}

static ssize_t board_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
    char notice[ROOM];

    if (count > ROOM)
        return -ENOSPC;
    if (copy_from_user(notice, from, count))
        return -EFAULT;
    mutex_lock(&lock);
    memcpy(board, notice, count);
    length = count;
    mutex_unlock(&lock);
    return count;
}

static const struct file_operations board_operations = {
    .owner = THIS_MODULE,
    .open = board_open,
    .release = board_release,
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
