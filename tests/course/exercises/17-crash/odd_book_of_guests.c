/* answer: hut */
/* A list of guests instead of beds, under a lock, and names of any length. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

struct guest {
    const char *name;
    int room;
    bool gone;
};

static struct guest guests[] = {
    { "anna", 1 }, { "boris", 1 }, { "carla", 2 }, { "dora", 3 }, { "emil", 3 },
};
static DEFINE_MUTEX(book);

static noinline int look_up(const char *name, bool leaves)
{
    struct guest *guest;
    int err = -ENOENT;

    mutex_lock(&book);
    for (guest = guests; guest < guests + ARRAY_SIZE(guests); guest++) {
        if (guest->gone || strcmp(guest->name, name))
            continue;
        guest->gone = leaves;
        pr_info("%s %s room %d\n", name, leaves ? "has left" : "sleeps in", guest->room);
        err = 0;
        break;
    }
    mutex_unlock(&book);
    return err;
}

static ssize_t desk_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
    char *line, *name;
    int err;

    if (count > PAGE_SIZE)
        return -EINVAL;
    line = memdup_user_nul(from, count);
    if (IS_ERR(line))
        return PTR_ERR(line);
    name = strim(line);
    err = *name == '-' ? look_up(strim(name + 1), true) : look_up(name, false);
    kfree(line);
    return err ?: count;
}

static const struct proc_ops desk_operations = {
    .proc_write = desk_write,
    .proc_lseek = noop_llseek,
};

static int __init hut_init(void)
{
    return proc_create("hut", 0200, NULL, &desk_operations) ? 0 : -ENOMEM;
}

static void __exit hut_exit(void)
{
    remove_proc_entry("hut", NULL);
}

module_init(hut_init);
module_exit(hut_exit);
MODULE_DESCRIPTION("The desk of a mountain hut");
MODULE_LICENSE("GPL");
