#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/slab.h>
#include <linux/static_call.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

struct operations {
	void *(*get)(unsigned long size);
	void (*put)(const void *memory);
	int (*add)(struct miscdevice *misc);
	void (*remove)(struct miscdevice *misc);
	int (*own)(int number);
};

static int own(int number)
{
	return number + 1;
}

static const struct operations table = { vmalloc, vfree, misc_register, misc_deregister, own };
static const struct operations *volatile operations = &table;
static const struct file_operations fops = { .owner = THIS_MODULE };
static struct miscdevice misc = { .minor = MISC_DYNAMIC_MINOR, .name = "good_misc", .fops = &fops };
static void *memory[5];

DEFINE_STATIC_CALL(release, kfree);
DEFINE_STATIC_CALL(answer, own);
#define RELEASE(pointer) static_call(release)(pointer)

/* The pointer is the fifth argument, so that the register is one of those with a prefix. */
static noinline void *get_by_fifth(int a, int b, int c, int d, void *(*get)(unsigned long size))
{
	return get(300) ?: NULL;
}

/* Calls with no thunk, one through memory and one through a register. */
static __attribute__((indirect_branch("keep"))) noinline void *get_plainly(const struct operations *from)
{
	return from->get(400) ?: NULL;
}

static __attribute__((indirect_branch("keep"))) noinline void put_plainly(void (*put)(const void *), void *pointer)
{
	put(pointer);
	barrier();
}

/* The last call is a jump. */
static noinline void put_at_the_end(const void *pointer)
{
	operations->put(pointer);
}

static void put_all(void)
{
	put_plainly(operations->put, memory[4]);
	put_plainly(vfree, memory[3]);
	RELEASE(memory[2]);
	put_at_the_end(memory[1]);
	put_at_the_end(memory[0]);
}

static int __init probe_init(void)
{
	int error = -ENOMEM;

	if (operations->own(1) != 2 || static_call(answer)(2) != 3)
		return -EINVAL;
	memory[0] = operations->get(100);
	memory[1] = memory[0] ? operations->get(200) : NULL;
	memory[2] = memory[1] ? kmalloc(100, GFP_KERNEL) : NULL;
	memory[3] = memory[2] ? get_by_fifth(1, 2, 3, 4, operations->get) : NULL;
	memory[4] = memory[3] ? get_plainly(operations) : NULL;
	if (memory[4])
		error = operations->add(&misc);
	if (error) {
		put_all();
		memset(memory, 0, sizeof(memory));
	}
	return error;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	operations->remove(&misc);
	put_all();
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
