/* caught by: exported */
/* answer: bakery */
#include <linux/module.h>
#include "bakery.h"

int bake(int kilograms)
{
    return 2 * kilograms;
}

MODULE_DESCRIPTION("Bakes two loaves of a kilogram");
MODULE_LICENSE("GPL");
