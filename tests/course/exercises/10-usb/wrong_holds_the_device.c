/* caught by: many */
/* Each visitor's device is held for ever. */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/usb.h>

static const struct usb_device_id lent_out[] = {
    { USB_DEVICE(0x0627, 0x0001) },
    { }
};

static long visitors;

struct visitor {
    struct usb_device *device;
    long number;
};

static int porter_probe(struct usb_interface *interface, const struct usb_device_id *id)
{
    struct visitor *visitor = kzalloc(sizeof(*visitor), GFP_KERNEL);

    if (!visitor)
        return -ENOMEM;
    visitor->device = usb_get_dev(interface_to_usbdev(interface));
    visitor->number = ++visitors;
    usb_set_intfdata(interface, visitor);
    pr_info("visitor %ld has come\n", visitor->number);
    return 0;
}

static void porter_disconnect(struct usb_interface *interface)
{
    struct visitor *visitor = usb_get_intfdata(interface);

    pr_info("visitor %ld has left\n", visitor->number);
    kfree(visitor);
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
