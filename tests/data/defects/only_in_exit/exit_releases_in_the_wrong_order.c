// verdict: crashes
// run: exit
// says: use after free
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

struct box {
	char *text;
};
static struct box *box;

static int __init probe_init(void)
{
	box = kzalloc(sizeof(*box), GFP_KERNEL);
	if (!box)
		return -ENOMEM;
	box->text = kstrdup("in the box", GFP_KERNEL);
	if (!box->text) {
		kfree(box);
		return -ENOMEM;
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	kfree(box);
	kfree(box->text); /* here */
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
