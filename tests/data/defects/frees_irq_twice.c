// verdict: crashes
// run: plain
// says:
#include <linux/module.h>
#include <linux/interrupt.h>

static int cookie;

static irqreturn_t on_interrupt(int irq, void *data)
{
	return IRQ_NONE;
}

static int __init probe_init(void)
{
	return request_irq(5, on_interrupt, IRQF_SHARED, "probe_irq", &cookie);
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	free_irq(5, &cookie);
	free_irq(5, &cookie); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
