// verdict: crashes
// run: exit
// says: NULL
#include <linux/module.h>
#include <linux/fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static char *buffer;
static void (*volatile farewell)(void);
static int major;

static int __init probe_init(void)
{
	major = register_chrdev(0, "exit_calls", &fops);
	if (major < 0)
		return major;
	buffer = kmalloc(4000, GFP_KERNEL);
	if (!buffer) {
		unregister_chrdev(major, "exit_calls");
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(buffer);
	unregister_chrdev(major, "exit_calls");
	farewell(); /* here */
	pr_info("exit_calls: gone\n");
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
