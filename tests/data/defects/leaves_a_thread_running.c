// verdict: leaks
// run: misc_register
// says: the kernel thread
#include <linux/module.h>
#include <linux/kthread.h>
#include <linux/delay.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/slab.h>

static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "probe_misc", .fops = &fops };
static char *buffer;
static struct task_struct *thread;

static int work(void *data)
{
	while (!kthread_should_stop())
		msleep(20);
	return 0;
}

static int __init probe_init(void)
{
	thread = kthread_run(work, NULL, "probe_thread"); /* here */
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	return misc_register(&misc);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	misc_deregister(&misc);
	kthread_stop(thread);
	kfree(buffer);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
