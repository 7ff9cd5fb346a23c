/* caught by: many */
#include <linux/module.h>
#include <linux/usb.h>

static const struct usb_device_id lent_out[] = {
    { USB_DEVICE(0x0627, 0x0001) },
    { }
};

static long visitors, numbers[8];
static struct usb_interface *who[8];

static int porter_probe(struct usb_interface *interface, const struct usb_device_id *id)
{
    long number = ++visitors;

    if (number > 8)
        return -ENOSPC;
    who[number - 1] = interface;
    numbers[number - 1] = number;
    pr_info("visitor %ld has come\n", number);
    return 0;
}

static void porter_disconnect(struct usb_interface *interface)
{
    int i;

    for (i = 7; i >= 0; i--)
        if (who[i] == interface)
            break;
    if (i >= 0)
        pr_info("visitor %ld has left\n", numbers[i]);
}

static struct usb_driver porter_driver = {
    .name = "porter",
    .id_table = lent_out,
    .probe = porter_probe,
    .disconnect = porter_disconnect,
};

static int __init porter_init(void)
{
    return usb_register(&porter_driver);
}

static void __exit porter_exit(void)
{
    usb_deregister(&porter_driver);
}

module_init(porter_init);
module_exit(porter_exit);
MODULE_DESCRIPTION("Tells who comes and goes");
MODULE_LICENSE("GPL");
