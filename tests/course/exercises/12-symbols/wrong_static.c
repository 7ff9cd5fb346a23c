/* caught by: exported */
/* answer: bakery */
#include <linux/module.h>
#include "bakery.h"

static int bake_(int kilograms)
{
    return 2 * kilograms;
}
EXPORT_SYMBOL(bake);

MODULE_DESCRIPTION("Bakes two loaves of a kilogram");
MODULE_LICENSE("GPL");
