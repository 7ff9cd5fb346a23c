// verdict: leaks
// run: plain
// says: the mapping
#include <linux/module.h>
#include <linux/io.h>

static void __iomem *registers;

static int __init probe_init(void)
{
	registers = ioremap(0xfec00000, 0x1000); /* here */
	return registers ? 0 : -ENOMEM;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
