/* caught by: nobody empty leaves */
/* answer: hut */
/* An empty name is refused where one asks, not where one leaves. */
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/string.h>
#include <linux/uaccess.h>

struct room {
    int number;
    const char *window; /* who sleeps at the window, and who at the door */
    const char *door;
};

static struct room rooms[] = {
    { 1, "anna", "boris" },
    { 2, "carla", NULL },
    { 3, "dora", "emil" },
};

static bool sleeps_in(const char *bed, const char *guest)
{
    return !strcmp(bed ?: "", guest);
}

static noinline struct room *find_room(const char *guest)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(rooms); i++) {
        if (sleeps_in(rooms[i].window, guest) || sleeps_in(rooms[i].door, guest))
            return &rooms[i];
    }
    return NULL;
}

static noinline int check_out(const char *guest)
{
    struct room *room = find_room(guest);

    if (!room)
        return -ENOENT;
    if (sleeps_in(room->window, guest))
        room->window = NULL;
    else
        room->door = NULL;
    pr_info("%s has left room %d\n", guest, room->number);
    return 0;
}

static noinline int ask_for(const char *guest)
{
    struct room *room = *guest ? find_room(guest) : NULL;

    if (!room)
        return -ENOENT;
    pr_info("%s sleeps in room %d\n", guest, room->number);
    return 0;
}

static ssize_t desk_write(struct file *file, const char __user *from, size_t count, loff_t *position)
{
    char line[32] = "";
    int err;

    if (count >= sizeof(line))
        return -EINVAL;
    if (copy_from_user(line, from, count))
        return -EFAULT;
    if (line[0] == '-')
        err = check_out(strim(line + 1));
    else
        err = ask_for(strim(line));
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
