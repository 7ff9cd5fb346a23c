"""API changes of files: their operations, inodes and file systems."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "2.6.36",
        "linux/fs.h",
        (
            "file_operations.ioctl",
            N_("use unlocked_ioctl, whose function gets no inode and returns long"),
            "static long my_ioctl(struct file *file, unsigned int command, unsigned long argument) { return -ENOTTY; }",
        ),
        (
            "super_operations.delete_inode",
            N_("use evict_inode"),
            "static const struct super_operations sops = { .evict_inode = my_evict };",
        ),
        (
            "super_operations.clear_inode",
            N_("use evict_inode"),
            "static const struct super_operations sops = { .evict_inode = my_evict };",
        ),
    ),
    *changes(
        "gone",
        "2.6.19",
        "linux/fs.h",
        (
            "file_operations.readv",
            N_("use read_iter"),
            "static ssize_t my_read_iter(struct kiocb *request, struct iov_iter *to) { return 0; }",
        ),
        (
            "file_operations.writev",
            N_("use write_iter"),
            "static ssize_t my_write_iter(struct kiocb *request, struct iov_iter *from) { return 0; }",
        ),
        ("inode.u", N_("the member for data of your own is i_private"), "inode->i_private = buffer;"),
    ),
    *changes(
        "gone",
        "4.1",
        "linux/fs.h",
        (
            "file_operations.aio_read",
            N_("use read_iter"),
            "static ssize_t my_read_iter(struct kiocb *request, struct iov_iter *to) { return 0; }",
        ),
        (
            "file_operations.aio_write",
            N_("use write_iter"),
            "static ssize_t my_write_iter(struct kiocb *request, struct iov_iter *from) { return 0; }",
        ),
        (
            "do_sync_read()",
            N_("leave read and write out; the kernel calls read_iter and write_iter"),
            "static const struct file_operations fops = { .read_iter = generic_file_read_iter };",
        ),
        (
            "do_sync_write()",
            N_("leave read and write out; the kernel calls read_iter and write_iter"),
            "static const struct file_operations fops = { .read_iter = generic_file_read_iter };",
        ),
    ),
    *changes(
        "gone",
        "3.11",
        "linux/fs.h",
        (
            "file_operations.readdir",
            N_("use iterate_shared, whose function calls dir_emit()"),
            "static int my_iterate(struct file *file, struct dir_context *context) { return 0; }",
        ),
    ),
    *changes(
        "gone",
        "6.6",
        "linux/fs.h",
        (
            "file_operations.iterate",
            N_("use iterate_shared, whose function calls dir_emit()"),
            "static int my_iterate(struct file *file, struct dir_context *context) { return 0; }",
        ),
        (
            "inode.i_ctime",
            N_("set it with inode_set_ctime_current() or inode_set_ctime_to_ts(), read it with inode_get_ctime()"),
            "inode_set_ctime_current(inode);",
        ),
    ),
    *changes(
        "gone",
        "2.6.23",
        "linux/fs.h",
        (
            "file_operations.sendfile",
            N_("use splice_read"),
            "static const struct file_operations fops = { .splice_read = my_splice };",
        ),
    ),
    *changes(
        "gone",
        "6.5",
        "linux/fs.h",
        (
            "file_operations.sendpage",
            N_("use splice_write"),
            "static const struct file_operations fops = { .splice_write = iter_file_splice_write };",
        ),
        (
            "generic_file_splice_read()",
            N_("use filemap_splice_read()"),
            "static const struct file_operations fops = { .splice_read = filemap_splice_read };",
        ),
    ),
    *changes(
        "changed",
        "3.1",
        "linux/fs.h",
        (
            "file_operations.fsync",
            N_("it gets the file, the range and datasync"),
            "static int my_fsync(struct file *file, loff_t start, loff_t end, int datasync) { return 0; }",
            types(r"\(\*\)\(struct file \*, (?:struct dentry \*, )?int\)", r"struct file \*, *loff_t"),
        ),
    ),
    *changes(
        "changed",
        "2.6.18",
        "linux/fs.h",
        (
            "file_operations.flush",
            N_("it gets the owner as well"),
            "static int my_flush(struct file *file, fl_owner_t owner) { return 0; }",
            types(r"\(\*\)\(struct file \*\)", r"struct file \*, *(?:fl_owner_t|void \*)"),
        ),
    ),
    *changes(
        "gone",
        "6.12",
        "linux/fs.h",
        (
            "no_llseek",
            N_("remove it; without llseek a file cannot be moved in"),
            "static const struct file_operations fops = { .owner = THIS_MODULE };",
        ),
    ),
    *changes(
        "gone",
        "3.16–4.9",
        "linux/fs.h",
        (
            "generic_file_aio_read()",
            N_("use generic_file_read_iter()"),
            "static const struct file_operations fops = { .read_iter = generic_file_read_iter };",
        ),
    ),
    *changes(
        "gone",
        "3.19–4.9",
        "linux/fs.h",
        ("file.f_dentry", N_("file_dentry() has it"), 'pr_info("%pd\\n", file_dentry(file));'),
    ),
    *changes(
        "gone",
        "3.9–4.9",
        "linux/fs.h",
        ("file.f_vfsmnt", N_("the mount is in f_path"), 'pr_info("%p\\n", file->f_path.mnt);'),
    ),
    *changes(
        "gone",
        "4.7",
        "linux/fs.h",
        ("inode.i_mutex", N_("use inode_lock() and inode_unlock()"), "inode_lock(inode);"),
    ),
    *changes(
        "gone",
        "2.6.16",
        "linux/fs.h",
        ("inode.i_sem", N_("use inode_lock() and inode_unlock()"), "inode_lock(inode);"),
    ),
    *changes(
        "gone",
        "6.7",
        "linux/fs.h",
        (
            "inode.i_mtime",
            N_("set it with inode_set_mtime_to_ts(), read it with inode_get_mtime()"),
            "inode_set_mtime_to_ts(inode, current_time(inode));",
        ),
        (
            "inode.i_atime",
            N_("set it with inode_set_atime_to_ts(), read it with inode_get_atime()"),
            "inode_set_atime_to_ts(inode, current_time(inode));",
        ),
    ),
    *changes(
        "gone",
        "4.12",
        "linux/fs.h",
        ("CURRENT_TIME", N_("use current_time() with the inode"), "struct timespec64 now = current_time(inode);"),
        ("CURRENT_TIME_SEC", N_("use current_time() with the inode"), "struct timespec64 now = current_time(inode);"),
    ),
    *changes(
        "hidden",
        "4.14",
        "fs/read_write.c",
        (
            "vfs_read()",
            N_("use kernel_read(), which takes addresses of the kernel's"),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &position);",
        ),
        (
            "vfs_write()",
            N_("use kernel_write(), which takes addresses of the kernel's"),
            "ssize_t n = kernel_write(file, buffer, sizeof(buffer), &position);",
        ),
    ),
    *changes(
        "changed",
        "4.14",
        "linux/fs.h",
        (
            "kernel_read()",
            N_("the position comes last, as a pointer"),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &position);",
            types(r"int|loff_t|char \*", r"void \*|loff_t \*|size_t", r"\bkernel_read\b"),
        ),
        (
            "kernel_write()",
            N_("the position comes last, as a pointer"),
            "ssize_t n = kernel_write(file, buffer, sizeof(buffer), &position);",
            types(r"int|loff_t|char \*", r"void \*|loff_t \*|size_t", r"\bkernel_write\b"),
        ),
    ),
    *changes(
        "hidden",
        "4.17",
        "linux/syscalls.h",
        ("sys_open()", N_("use filp_open()"), 'file = filp_open("/etc/hostname", O_RDONLY, 0);'),
        ("sys_close()", N_("use filp_close() on a file that you opened with filp_open()"), "filp_close(file, NULL);"),
        (
            "sys_read()",
            N_("open the file with filp_open(), and use kernel_read()"),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &position);",
        ),
        (
            "sys_write()",
            N_("open the file with filp_open(), and use kernel_write()"),
            "ssize_t n = kernel_write(file, buffer, sizeof(buffer), &position);",
        ),
    ),
    *changes(
        "hidden",
        "2.6",
        "kernel/sys_ni.c",
        (
            "sys_call_table",
            N_("modules cannot replace system calls; a kprobe looks at them"),
            'static struct kprobe probe = { .symbol_name = "__x64_sys_openat" };',
        ),
    ),
    *changes(
        "gone",
        "2.6.39",
        "linux/namei.h",
        ("path_lookup()", N_("use kern_path()"), 'int error = kern_path("/tmp", LOOKUP_FOLLOW, &path);'),
    ),
    *changes(
        "changed",
        "2.6.25",
        "linux/dcache.h",
        ("d_path()", N_("it takes a struct path"), "char *name = d_path(&file->f_path, buffer, sizeof(buffer));", MANY),
    ),
    *changes(
        "gone",
        "2.6.39–3.2",
        "linux/fs.h",
        ("get_sb_single()", N_("use mount_single()"), "return PTR_ERR_OR_ZERO(mount_single(&type, 0, NULL, NULL));"),
        ("get_sb_nodev()", N_("use mount_nodev()"), "return PTR_ERR_OR_ZERO(mount_nodev(&type, 0, NULL, NULL));"),
        (
            "file_system_type.get_sb",
            N_("use mount, or init_fs_context"),
            'static struct file_system_type type = { .name = "mine", .mount = my_mount };',
        ),
    ),
    *changes(
        "gone",
        "2.6.25",
        "linux/fs.h",
        (
            "super_operations.read_inode",
            N_("remove it, and use iget_locked(), which tells whether the inode is new"),
            "inode = iget_locked(sb, 2);",
        ),
        ("iget()", N_("use iget_locked()"), "inode = iget_locked(sb, 2);"),
    ),
    *changes(
        "gone",
        "3.4",
        "linux/dcache.h",
        (
            "d_alloc_root()",
            N_("use d_make_root(), which releases the inode if it fails"),
            "struct dentry *root = d_make_root(inode);",
        ),
    ),
    *changes(
        "gone",
        "5.19",
        "linux/fs.h",
        (
            "address_space_operations.readpage",
            N_("use read_folio"),
            "static const struct address_space_operations aops = { .read_folio = my_read_folio };",
        ),
    ),
    *changes(
        "gone",
        "5.18",
        "linux/fs.h",
        (
            "address_space_operations.set_page_dirty",
            N_("use dirty_folio"),
            "static const struct address_space_operations aops = { .dirty_folio = filemap_dirty_folio };",
        ),
    ),
    *changes(
        "changed",
        "4.11",
        "linux/fs.h",
        (
            "vfs_getattr()",
            N_("it is told which fields are asked for"),
            "int error = vfs_getattr(&file->f_path, &status, STATX_BASIC_STATS, AT_STATX_SYNC_AS_STAT);",
            FEW,
        ),
    ),
    *changes(
        "gone",
        "5.1",
        "linux/uaccess.h",
        (
            "get_ds()",
            N_("use kernel_read() and kernel_write(), which take addresses of the kernel's"),
            "ssize_t n = kernel_read(file, buffer, sizeof(buffer), &position);",
        ),
    ),
)
