/* answer: bakery */
/* Init and exit of its own, another export, no header. */
#include <linux/init.h>
#include <linux/module.h>

int bake(int);
EXPORT_SYMBOL_GPL(bake);

int oven_is_hot;
EXPORT_SYMBOL(oven_is_hot);

int bake(int n)
{
    int loaves, i;

    for (loaves = 0, i = 0; i < n; i++)
        loaves += 2;
    return loaves;
}

static int __init light(void)
{
    oven_is_hot = 1;
    return 0;
}
module_init(light);

static void __exit cool(void)
{
}
module_exit(cool);
MODULE_LICENSE("GPL v2");
MODULE_DESCRIPTION("Bakes");
/* answer: cafe */
#include <linux/kernel.h>
#include <linux/module.h>

extern int bake(int kilograms);

static int flour = 3;
module_param_named(kilograms, flour, int, 0);

static int __init open_cafe(void)
{
    int (*ask)(int) = bake;
    int n = ask(flour);

    if (n < 0)
        return n;
    pr_warn("we have %i loaves today\n", n);
    return 0;
}

static void __exit close_cafe(void)
{
}

module_init(open_cafe);
module_exit(close_cafe);
MODULE_LICENSE("GPL");
