"""Names that only newer kernels have, and what to write in a module for an older kernel."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, MANY, NAMESPACE, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "came",
        "6.16",
        "linux/timer.h",
        (
            "timer_container_of()",
            N_("in this kernel the macro is called from_timer()"),
            "struct box *box = from_timer(box, t, timer);",
        ),
        (
            "timer_delete_sync_try()",
            N_("in this kernel the function is called try_to_del_timer_sync()"),
            "try_to_del_timer_sync(&the_box.timer);",
        ),
    ),
    *changes(
        "came",
        "6.2",
        "linux/timer.h",
        (
            "timer_delete_sync()",
            N_("in this kernel the function is called del_timer_sync()"),
            "del_timer_sync(&the_box.timer);",
        ),
        ("timer_delete()", N_("in this kernel the function is called del_timer()"), "del_timer(&the_box.timer);"),
    ),
    *changes(
        "came",
        "6.13",
        "linux/hrtimer.h",
        (
            "hrtimer_setup()",
            N_("use hrtimer_init(), then set the member function"),
            "hrtimer_init(&high, CLOCK_MONOTONIC, HRTIMER_MODE_REL);",
        ),
    ),
    *changes(
        "later",
        "6.13",
        "linux/module.h",
        ("MODULE_IMPORT_NS()", N_("write the namespace without quotes"), "MODULE_IMPORT_NS(DMA_BUF);", NAMESPACE),
    ),
    *changes(
        "came",
        "6.12",
        "linux/unaligned.h",
        ("linux/unaligned.h", N_("the header is below asm/"), "#include <asm/unaligned.h>"),
    ),
    *changes(
        "came",
        "6.7–6.12",
        "linux/string_choices.h",
        (
            "linux/string_choices.h",
            N_("str_yes_no() and its like are in <linux/string_helpers.h>"),
            "#include <linux/string_helpers.h>",
        ),
    ),
    *changes(
        "came",
        "6.5",
        "linux/cleanup.h",
        ("linux/cleanup.h", N_("unlock and free yourself, with goto"), "#include <linux/mutex.h>"),
    ),
    *changes(
        "came",
        "6.3",
        "linux/mm.h",
        ("vm_flags_set()", N_("set the member vm_flags"), "vma->vm_flags |= VM_IO;"),
        ("vm_flags_clear()", N_("clear bits of the member vm_flags"), "vma->vm_flags &= ~VM_MAYWRITE;"),
    ),
    *changes(
        "later",
        "6.5",
        "linux/mm.h",
        (
            "get_user_pages()",
            N_("it takes a place for the areas as well; write NULL"),
            "long n = get_user_pages(0x1000, 1, FOLL_WRITE, &page, NULL);",
            FEW,
        ),
    ),
    *changes(
        "came",
        "6.7",
        "linux/shrinker.h",
        (
            "shrinker_alloc()",
            N_("fill in a struct shrinker of your own, and use register_shrinker()"),
            'int error = register_shrinker(&my_shrinker, "mine");',
        ),
        (
            "shrinker_register()",
            N_("fill in a struct shrinker of your own, and use register_shrinker()"),
            'int error = register_shrinker(&my_shrinker, "mine");',
        ),
        ("shrinker_free()", N_("use unregister_shrinker()"), "unregister_shrinker(&my_shrinker);"),
    ),
    *changes(
        "came",
        "6.6",
        "linux/fs.h",
        ("inode_set_ctime_current()", N_("set the member i_ctime"), "inode->i_ctime = current_time(inode);"),
    ),
    *changes(
        "came",
        "6.7",
        "linux/fs.h",
        ("inode_set_mtime_to_ts()", N_("set the member i_mtime"), "inode->i_mtime = current_time(inode);"),
        ("inode_set_atime_to_ts()", N_("set the member i_atime"), "inode->i_atime = current_time(inode);"),
        (
            "simple_inode_init_ts()",
            N_("set the three times"),
            "inode->i_atime = inode->i_mtime = inode->i_ctime = current_time(inode);",
        ),
    ),
    *changes(
        "came",
        "6.3",
        "linux/mnt_idmapping.h",
        (
            "nop_mnt_idmap",
            N_("pass the user namespace init_user_ns"),
            "bool owner = inode_owner_or_capable(&init_user_ns, inode);",
        ),
    ),
    *changes(
        "later",
        "6.3",
        "linux/fs.h",
        (
            "inode_operations.mkdir",
            N_("it gets a struct user_namespace"),
            "static int my_mkdir(struct user_namespace *ns, struct inode *dir, struct dentry "
            "*dentry, umode_t mode) { return 0; }",
            types(r"struct mnt_idmap", r"struct user_namespace"),
        ),
    ),
    *changes(
        "came",
        "6.16",
        "linux/fs.h",
        (
            "file_operations.mmap_prepare",
            N_("use mmap"),
            "static const struct file_operations fops = { .mmap = my_mmap };",
        ),
    ),
    *changes(
        "came",
        "6.5",
        "linux/fs.h",
        (
            "filemap_splice_read()",
            N_("use generic_file_splice_read()"),
            "static const struct file_operations fops = { .splice_read = generic_file_splice_read };",
        ),
        (
            "copy_splice_read()",
            N_("use generic_file_splice_read()"),
            "static const struct file_operations fops = { .splice_read = generic_file_splice_read };",
        ),
    ),
    *changes(
        "came",
        "6.12",
        "linux/file.h",
        ("fd_file()", N_("read the member file"), "if (!fd.file) return -EBADF;"),
    ),
    *changes(
        "came",
        "6.17",
        "linux/workqueue.h",
        (
            "WQ_PERCPU",
            N_("leave the flag out; without WQ_UNBOUND a queue is per CPU"),
            'queue = alloc_workqueue("mine", 0, 0);',
        ),
        ("system_percpu_wq", N_("in this kernel the queue is called system_wq"), "queue_work(system_wq, &work);"),
        (
            "system_dfl_wq",
            N_("in this kernel the queue is called system_unbound_wq"),
            "queue_work(system_unbound_wq, &work);",
        ),
    ),
    *changes(
        "came",
        "6.9",
        "linux/workqueue.h",
        ("system_bh_wq", N_("use a tasklet, or system_highpri_wq"), "queue_work(system_highpri_wq, &work);"),
        ("WQ_BH", N_("use a tasklet, or WQ_HIGHPRI"), 'queue = alloc_workqueue("mine", WQ_HIGHPRI, 0);'),
    ),
    *changes(
        "came",
        "6.14",
        "linux/kthread.h",
        (
            "kthread_run_worker()",
            N_("in this kernel the function is called kthread_create_worker()"),
            'worker = kthread_create_worker(0, "mine");',
        ),
    ),
    *changes(
        "later",
        "6.4",
        "linux/semaphore.h",
        (
            "DEFINE_SEMAPHORE()",
            N_("it takes the name only, and the count is 1"),
            "static DEFINE_SEMAPHORE(gate);",
            MANY,
        ),
    ),
    *changes(
        "later",
        "6.9–6.12",
        "linux/string.h",
        ("strscpy()", N_("pass the size as well"), 'strscpy(name, "mine", sizeof(name));', FEW),
    ),
    *changes(
        "came",
        "6.2",
        "linux/random.h",
        ("get_random_u32_below()", N_("use prandom_u32_max()"), "u32 n = prandom_u32_max(6);"),
        (
            "get_random_u32_inclusive()",
            N_("use prandom_u32_max() and add the smallest"),
            "u32 n = 1 + prandom_u32_max(6);",
        ),
    ),
    *changes(
        "came",
        "6.4",
        "linux/module.h",
        ("module.mem", N_("the memory is in core_layout"), 'pr_info("%px\\n", THIS_MODULE->core_layout.base);'),
    ),
    *changes(
        "came",
        "6.15–6.17",
        "linux/namei.h",
        (
            "lookup_noperm()",
            N_("in this kernel the function is called lookup_one_len(), and takes the name and its length"),
            'struct dentry *child = lookup_one_len("mine", folder, 4);',
        ),
    ),
    *changes(
        "later",
        "6.11",
        "linux/sysctl.h",
        (
            "ctl_table.proc_handler",
            N_("its struct ctl_table is not const"),
            "static int my_handler(struct ctl_table *table, int write, void *buffer, size_t *length, "
            "loff_t *position) { return 0; }",
            types(r"const struct ctl_table", r"\(\*\)\(struct ctl_table \*"),
        ),
    ),
    *changes(
        "came",
        "6.10",
        "linux/workqueue.h",
        (
            "disable_work_sync()",
            N_("use cancel_work_sync(), and do not queue the work again"),
            "cancel_work_sync(&work);",
        ),
        ("disable_work()", N_("use cancel_work(), and do not queue the work again"), "cancel_work(&work);"),
        ("enable_work()", N_("leave it out"), "schedule_work(&work);"),
    ),
    *changes(
        "came",
        "6.17",
        "linux/cleanup.h",
        ("ACQUIRE()", N_("take the lock, and release it yourself"), "int error = mutex_lock_interruptible(&gate);"),
        (
            "ACQUIRE_ERR()",
            N_("take the lock, and look at what that returns"),
            "int error = mutex_lock_interruptible(&gate);",
        ),
    ),
    *changes(
        "came",
        "6.3",
        "linux/btf.h",
        ("__bpf_kfunc", N_("leave it out, and write noinline"), "noinline int my_function(void);"),
    ),
    *changes(
        "came",
        "6.7",
        "linux/btf.h",
        ("__bpf_kfunc_start_defs()", N_("leave it out"), "noinline int my_function(void);"),
        ("__bpf_kfunc_end_defs()", N_("leave it out"), "noinline int my_function(void);"),
    ),
    *changes(
        "came",
        "6.9",
        "linux/btf_ids.h",
        ("BTF_KFUNCS_START()", N_("in this kernel it is called BTF_SET8_START()"), "BTF_SET8_START(ids)"),
        ("BTF_KFUNCS_END()", N_("in this kernel it is called BTF_SET8_END()"), "BTF_SET8_END(ids)"),
    ),
    *changes(
        "came",
        "6.16–6.17",
        "linux/export.h",
        (
            "EXPORT_SYMBOL_FOR_MODULES()",
            N_("export it to all modules"),
            "EXPORT_SYMBOL_GPL(my_function);",
        ),
    ),
    *changes(
        "came",
        "6.7–6.12",
        "linux/seq_file.h",
        (
            "DEFINE_SHOW_STORE_ATTRIBUTE()",
            N_("write the struct file_operations yourself"),
            "static const struct file_operations fops = { .owner = THIS_MODULE, .read = seq_read };",
        ),
    ),
)
