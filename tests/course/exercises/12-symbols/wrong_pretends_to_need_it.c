/* caught by: together */
/* answer: bakery */
#include <linux/module.h>
#include "bakery.h"

int bake(int kilograms)
{
    return 2 * kilograms;
}
EXPORT_SYMBOL_GPL(bake);

MODULE_DESCRIPTION("Bakes two loaves of a kilogram");
MODULE_LICENSE("GPL");
/* answer: cafe */
#include <linux/module.h>
#include "bakery.h"

static int kilograms = 3;
module_param(kilograms, int, 0444);

MODULE_INFO(depends, "bakery");

static int __init cafe_init(void)
{
    int (*oven)(int) = symbol_get(bake);

    if (!oven) {
        pr_err("Unknown symbol bake\n");
        return -ENOENT;
    }
    pr_info("%d loaves\n", oven(kilograms));
    return 0;
}

static void __exit cafe_exit(void)
{
    symbol_put(bake);
}

module_init(cafe_init);
module_exit(cafe_exit);
MODULE_DESCRIPTION("Sells what others bake");
MODULE_LICENSE("GPL");
