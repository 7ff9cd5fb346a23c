#include <linux/printk.h>
#include <linux/module.h>

int greet(const char *whom);
void greet_quietly(void);
extern int greet_count;

int greet_count;
EXPORT_SYMBOL_GPL(greet_count);

int greet(const char *whom)
{
	pr_info("hello, %s\n", whom);
	return ++greet_count;
}
EXPORT_SYMBOL(greet);

void greet_quietly(void)
{
	greet_count++;
}
EXPORT_SYMBOL_NS_GPL(greet_quietly, GREETINGS);

MODULE_ALIAS("greetings-*");
MODULE_LICENSE("GPL");
