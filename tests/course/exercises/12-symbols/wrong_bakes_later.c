/* caught by: together counted */
/* answer: cafe */
/* It is a timer that calls the bakery, not init. */
#include <linux/module.h>
#include "bakery.h"

static int kilograms = 3;
module_param(kilograms, int, 0444);

static void sell(struct timer_list *unused)
{
    pr_info("%d loaves\n", bake(kilograms));
}
static DEFINE_TIMER(opening, sell);

static int __init cafe_init(void)
{
    mod_timer(&opening, jiffies + HZ);
    return 0;
}

static void __exit cafe_exit(void)
{
    del_timer_sync(&opening);
}

module_init(cafe_init);
module_exit(cafe_exit);
MODULE_DESCRIPTION("Sells what others bake");
MODULE_LICENSE("GPL");
