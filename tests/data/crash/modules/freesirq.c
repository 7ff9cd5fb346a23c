// Gives back an interrupt that it never had.
#include <linux/module.h>
#include <linux/interrupt.h>

static int __init freesirq_init(void)
{
	int cookie;

	free_irq(5, &cookie); /* here */
	return 0;
}

static void __exit freesirq_exit(void)
{
}

module_init(freesirq_init);
module_exit(freesirq_exit);
MODULE_LICENSE("GPL");
