// verdict: crashes
// run: plain
// says: NULL
#include <linux/module.h>

struct box {
	long room[8];
	int value;
};
static struct box * volatile pointer;

static __always_inline void put(struct box *box, int value)
{
	box->value = value; /* here */
}

static int __init probe_init(void)
{
	put(pointer, 1);
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
