/* answer: bakery */
/* A namespace, a count of its own, and more words. */
#include <linux/module.h>
#include "bakery.h"

static unsigned long baked;

int bake(int kilograms)
{
    int loaves = kilograms << 1;

    baked += loaves;
    pr_debug("%lu since this morning\n", baked);
    return loaves;
}
EXPORT_SYMBOL_NS(bake, BAKERY);

MODULE_DESCRIPTION("Bakes two loaves of a kilogram");
MODULE_LICENSE("GPL");
/* answer: cafe */
#include <linux/module.h>
#include "bakery.h"

static int kilograms = 3;
module_param(kilograms, int, 0444);

static int __init cafe_init(void)
{
    const int loaves = bake(kilograms);

    printk(KERN_NOTICE "cafe: %d loaves, fresh\n", loaves);
    return 0;
}

static void __exit cafe_exit(void)
{
}

module_init(cafe_init);
module_exit(cafe_exit);
MODULE_DESCRIPTION("Sells what others bake");
MODULE_IMPORT_NS(BAKERY);
MODULE_LICENSE("GPL");
