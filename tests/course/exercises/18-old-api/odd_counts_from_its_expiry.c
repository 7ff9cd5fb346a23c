#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/timer.h>

struct pump {
    const char *name;
    atomic_t strokes;
    int number;
    struct timer_list timer;
};

static struct pump pumps[] = {
    { .name = "left", .number = 0 },
    { .name = "right", .number = 1 },
};

static int period[ARRAY_SIZE(pumps)] = { 1000, 1000 };
module_param_array(period, int, NULL, 0444);
MODULE_PARM_DESC(period, "milliseconds from stroke to stroke: left,right");

static struct proc_dir_entry *folder;

static void wait_for_next(struct pump *pump)
{
    pump->timer.expires = jiffies + max(1UL, msecs_to_jiffies(period[pump->number]));
    add_timer(&pump->timer);
}

static void make_stroke(struct timer_list *timer)
{
    struct pump *pump = from_timer(pump, timer, timer);

    atomic_inc(&pump->strokes);
    wait_for_next(pump);
}

static int show_strokes(struct seq_file *out, void *unused)
{
    struct pump *pump = out->private;

    seq_printf(out, "%d\n", atomic_read(&pump->strokes));
    return 0;
}

static int open_strokes(struct inode *inode, struct file *file)
{
    return single_open(file, show_strokes, pde_data(inode));
}

static const struct proc_ops strokes_operations = {
    .proc_open = open_strokes,
    .proc_read = seq_read,
    .proc_lseek = seq_lseek,
    .proc_release = single_release,
};

static int __init pumps_init(void)
{
    int i;

    folder = proc_mkdir("pumps", NULL);
    if (!folder)
        return -ENOMEM;
    for (i = 0; i < ARRAY_SIZE(pumps); i++) {
        if (!proc_create_data(pumps[i].name, 0444, folder, &strokes_operations, &pumps[i])) {
            proc_remove(folder);
            return -ENOMEM;
        }
    }
    for (i = 0; i < ARRAY_SIZE(pumps); i++) {
        timer_setup(&pumps[i].timer, make_stroke, 0);
        wait_for_next(&pumps[i]);
    }
    return 0;
}

static void __exit pumps_exit(void)
{
    int i;

    for (i = 0; i < ARRAY_SIZE(pumps); i++)
        remove_proc_entry(pumps[i].name, folder);
    remove_proc_entry("pumps", NULL);
    for (i = ARRAY_SIZE(pumps); i--;)
        while (del_timer_sync(&pumps[i].timer))
            cpu_relax();
}

module_init(pumps_init);
module_exit(pumps_exit);
MODULE_DESCRIPTION("Counts the strokes of two pumps");
MODULE_LICENSE("GPL");
