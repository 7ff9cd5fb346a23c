#include <linux/module.h>
#include <linux/mutex.h>

static DEFINE_MUTEX(forks);
static DEFINE_MUTEX(knives);
static int taken;

static noinline void eat(void)
{
	mutex_lock(&forks);
	mutex_lock(&knives);
	taken++;
	mutex_unlock(&knives);
	mutex_unlock(&forks);
}

static noinline void wash_up(void)
{
	mutex_lock(&knives);
	mutex_lock(&forks); /* here */
	taken--;
	mutex_unlock(&forks);
	mutex_unlock(&knives);
}

static int __init crosswise_init(void)
{
	eat();
	wash_up();
	return 0;
}

static void __exit crosswise_exit(void)
{
}

module_init(crosswise_init);
module_exit(crosswise_exit);
MODULE_LICENSE("GPL");
