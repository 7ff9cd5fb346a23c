/* caught by: counted */
/* answer: cafe */
/* It asks for one kilogram, and computes the others itself. */
#include <linux/module.h>
#include "bakery.h"

static int kilograms = 3;
module_param(kilograms, int, 0444);

static int __init cafe_init(void)
{
    pr_info("%d loaves\n", kilograms * bake(1));
    return 0;
}

static void __exit cafe_exit(void)
{
}

module_init(cafe_init);
module_exit(cafe_exit);
MODULE_DESCRIPTION("Sells what others bake");
MODULE_LICENSE("GPL");
