#include <linux/module.h>
#include <linux/interrupt.h>
#include <linux/ioport.h>

static void later(struct tasklet_struct *unused)
{
}
static DECLARE_TASKLET(tasklet, later);

static irqreturn_t on_interrupt(int irq, void *data)
{
	tasklet_schedule(&tasklet);
	return IRQ_NONE;
}

static int __init probe_init(void)
{
	int err;

	if (!request_region(0x300, 8, "good_ports"))
		return -EBUSY;
	err = request_irq(5, on_interrupt, IRQF_SHARED, "good_irq", &tasklet);
	if (err)
		release_region(0x300, 8);
	else
		tasklet_schedule(&tasklet);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	free_irq(5, &tasklet);
	tasklet_kill(&tasklet);
	release_region(0x300, 8);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
