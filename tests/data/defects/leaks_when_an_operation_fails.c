// verdict: leaks
// run: misc_register
// says: 4096 bytes of memory
#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/vmalloc.h>

struct operations {
	void *(*get)(unsigned long size);
	int (*add)(struct miscdevice *misc);
	void (*remove)(struct miscdevice *misc);
	void (*put)(const void *memory);
};

static const struct operations table = { vmalloc, misc_register, misc_deregister, vfree };
static const struct operations *volatile operations = &table;
static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };
static char *buffer;

static int __init probe_init(void)
{
	buffer = operations->get(4096); /* here */
	if (!buffer)
		return -ENOMEM;
	return operations->add(&misc);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	operations->remove(&misc);
	operations->put(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
