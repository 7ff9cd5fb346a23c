"""What changed of inodes: whose ids are meant, and when they changed."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import FEW, Change, changes, types

_OLD = r"\(\*\)\(struct inode \*, *struct dentry \*"
_MAPPED = r"\(\*\)\(struct (?:user_namespace|mnt_idmap) \*"

CHANGES: tuple[Change, ...] = (
    *changes(
        "changed",
        "5.12",
        "linux/fs.h",
        (
            "inode_operations.mkdir",
            N_("it first gets a struct user_namespace, since Linux 6.3 a struct mnt_idmap"),
            "static int my_mkdir(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode) "
            "{ return 0; }",
            types(_OLD, _MAPPED),
        ),
        (
            "inode_operations.create",
            N_("it first gets a struct user_namespace, since Linux 6.3 a struct mnt_idmap"),
            "static int my_create(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode, "
            "bool excl) { return 0; }",
            types(_OLD, _MAPPED),
        ),
        (
            "inode_operations.mknod",
            N_("it first gets a struct user_namespace, since Linux 6.3 a struct mnt_idmap"),
            "static int my_mknod(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode, "
            "dev_t device) { return 0; }",
            types(_OLD, _MAPPED),
        ),
        (
            "inode_operations.setattr",
            N_("it first gets a struct user_namespace, since Linux 6.3 a struct mnt_idmap"),
            "static int my_setattr(struct user_namespace *ns, struct dentry *dentry, struct iattr *change) "
            "{ return 0; }",
            types(r"\(\*\)\(struct dentry \*, *struct iattr \*\)", _MAPPED),
        ),
        (
            "inode_operations.getattr",
            N_("it first gets a struct user_namespace, since Linux 6.3 a struct mnt_idmap"),
            "static int my_getattr(struct user_namespace *ns, const struct path *path, struct kstat *status, u32 mask, "
            "unsigned int flags) { return 0; }",
            types(r"\(\*\)\(const struct path \*, *struct kstat \*", _MAPPED),
        ),
        (
            "inode_init_owner()",
            N_("it first takes a struct user_namespace, since Linux 6.3 a struct mnt_idmap (&nop_mnt_idmap)"),
            "inode_init_owner(&init_user_ns, inode, dir, 0644);",
            FEW,
        ),
        (
            "vfs_mkdir()",
            N_("it first takes a struct user_namespace, since Linux 6.3 a struct mnt_idmap (&nop_mnt_idmap)"),
            "vfs_mkdir(&init_user_ns, dir, dentry, 0755);",
            FEW,
        ),
        (
            "vfs_create()",
            N_("it first takes a struct user_namespace, since Linux 6.3 a struct mnt_idmap (&nop_mnt_idmap)"),
            "vfs_create(&init_user_ns, dir, dentry, 0644, true);",
            FEW,
        ),
        (
            "vfs_unlink()",
            N_("it first takes a struct user_namespace, since Linux 6.3 a struct mnt_idmap (&nop_mnt_idmap)"),
            "vfs_unlink(&init_user_ns, dir, dentry, NULL);",
            FEW,
        ),
    ),
    *changes(
        "later",
        "6.3",
        "linux/fs.h",
        (
            "inode_operations.create",
            N_("it gets a struct user_namespace"),
            "static int my_create(struct user_namespace *ns, struct inode *dir, struct dentry *dentry, umode_t mode, "
            "bool excl) { return 0; }",
            types(r"struct mnt_idmap", r"struct user_namespace"),
        ),
        (
            "inode_init_owner()",
            N_("it takes a struct user_namespace"),
            "inode_init_owner(&init_user_ns, inode, dir, 0644);",
            types(r"struct mnt_idmap", r"struct user_namespace", r"\binode_init_owner\b"),
        ),
    ),
    *changes(
        "came",
        "6.7",
        "linux/fs.h",
        ("inode_get_mtime()", N_("read the member i_mtime"), "struct timespec64 when = inode->i_mtime;"),
        ("inode_get_atime()", N_("read the member i_atime"), "struct timespec64 when = inode->i_atime;"),
    ),
    *changes(
        "came",
        "6.10",
        "linux/fs.h",
        ("file_operations.fop_flags", N_("leave it out"), "static const struct file_operations fops = { };"),
    ),
    *changes(
        "later",
        "6.12",
        "linux/fs.h",
        (
            "address_space_operations.write_begin",
            N_("it gets the file, and a place for a page"),
            "static int my_begin(struct file *f, struct address_space *m, loff_t p, unsigned int n, struct page **page"
            ", void **data) { return 0; }",
            types(r"struct folio \*\*", r"struct page \*\*"),
        ),
        (
            "address_space_operations.write_end",
            N_("it gets the file, and the page"),
            "static int my_end(struct file *f, struct address_space *m, loff_t p, unsigned int n, unsigned int done, "
            "struct page *page, void *data) { return 0; }",
            types(r"struct folio \*", r"struct page \*"),
        ),
    ),
    *changes(
        "gone",
        "2.6.18–2.6.19",
        "linux/fs.h",
        ("inode.i_blksize", N_("the size comes from i_blkbits"), "inode->i_blkbits = PAGE_SHIFT;"),
    ),
    *changes(
        "gone",
        "3.6",
        "linux/fs.h",
        (
            "super_operations.write_super",
            N_("use sync_fs, which returns 0 or an errno"),
            "static int my_sync_fs(struct super_block *sb, int wait) { return 0; }",
        ),
    ),
    *changes(
        "gone",
        "2.6.28",
        "linux/fs.h",
        (
            "address_space_operations.prepare_write",
            N_("use write_begin"),
            "static const struct address_space_operations my_operations = { .write_begin = simple_write_begin };",
        ),
        (
            "address_space_operations.commit_write",
            N_("use write_end"),
            "static const struct address_space_operations my_operations = { .write_end = generic_write_end };",
        ),
    ),
    *changes(
        "gone",
        "2.6.36–3.8",
        "linux/fs.h",
        (
            "inode_operations.truncate",
            N_("setattr changes the size, too, with truncate_setsize()"),
            "truncate_setsize(inode, 0);",
        ),
    ),
    *changes(
        "gone",
        "3.11",
        "linux/fs.h",
        ("vfs_readdir()", N_("use iterate_dir()"), "int error = iterate_dir(file, &context);"),
    ),
    *changes(
        "gone",
        "5.11",
        "linux/fdtable.h",
        ("fcheck()", N_("use fget(), and fput() when done"), "struct file *file = fget(0);"),
    ),
)
