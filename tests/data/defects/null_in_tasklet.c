// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>
#include <linux/interrupt.h>

static int * volatile p;
static void run(struct tasklet_struct *t)
{
	*p = 1; /* here */
}
static DECLARE_TASKLET(tasklet, run);

static int __init probe_init(void)
{
	tasklet_schedule(&tasklet);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	tasklet_kill(&tasklet);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
