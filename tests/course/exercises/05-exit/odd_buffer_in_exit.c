/* Exit has a buffer of its own, which it frees before anything else. */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/timer.h>

struct scene {
    unsigned long ticks;
};

static struct proc_dir_entry *folder;
static struct kmem_cache *cache;
static struct scene *scene;
static struct timer_list timer;

static int show_ticks(struct seq_file *file, void *data)
{
    seq_printf(file, "%lu\n", scene->ticks);
    return 0;
}

static void tick(struct timer_list *unused)
{
    scene->ticks++;
    mod_timer(&timer, jiffies + HZ / 50);
}

static int __init stage_init(void)
{
    cache = kmem_cache_create("stage", sizeof(struct scene), 0, 0, NULL);
    if (!cache)
        return -ENOMEM;
    scene = kmem_cache_zalloc(cache, GFP_KERNEL);
    if (!scene)
        goto no_scene;
    folder = proc_mkdir("stage", NULL);
    if (!folder)
        goto no_folder;
    if (!proc_create_single("ticks", 0444, folder, show_ticks))
        goto no_file;
    timer_setup(&timer, tick, 0);
    mod_timer(&timer, jiffies + HZ / 50);
    return 0;

no_file:
    proc_remove(folder);
no_folder:
    kmem_cache_free(cache, scene);
no_scene:
    kmem_cache_destroy(cache);
    return -ENOMEM;
}

static void __exit stage_exit(void)
{
    char *line = kasprintf(GFP_KERNEL, "%lu ticks so far", scene->ticks);

    if (line)
        pr_info("%s\n", line);
    kfree(line);
    remove_proc_entry("ticks", folder);
    del_timer_sync(&timer);
    kmem_cache_free(cache, scene);
    kmem_cache_destroy(cache);
    proc_remove(folder);
}

module_init(stage_init);
module_exit(stage_exit);
MODULE_DESCRIPTION("Sets up more than it takes away");
MODULE_LICENSE("GPL");
