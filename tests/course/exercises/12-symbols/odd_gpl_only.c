/* answer: bakery */
/* Exported for modules under the GPL only, which the café is. */
#include <linux/module.h>
#include "bakery.h"

int bake(int kilograms)
{
    return 2 * kilograms;
}
EXPORT_SYMBOL_GPL(bake);

MODULE_DESCRIPTION("Bakes two loaves of a kilogram");
MODULE_LICENSE("GPL");
