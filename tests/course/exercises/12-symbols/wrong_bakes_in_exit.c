/* caught by: together counted */
/* answer: cafe */
#include <linux/module.h>
#include "bakery.h"

static int kilograms = 3;
module_param(kilograms, int, 0444);

static int __init cafe_init(void)
{
    pr_info("%d loaves\n", 2 * kilograms);
    return 0;
}

static void __exit cafe_exit(void)
{
    pr_info("%d loaves\n", bake(kilograms));
}

module_init(cafe_init);
module_exit(cafe_exit);
MODULE_DESCRIPTION("Sells what others bake");
MODULE_LICENSE("GPL");
