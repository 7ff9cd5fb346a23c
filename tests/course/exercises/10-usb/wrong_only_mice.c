/* caught by: comes leaves both evening many */
/* Keyboards and tablets are not noticed. */
#include <linux/module.h>
#include <linux/usb.h>

static const struct usb_device_id lent_out[] = {
    { USB_DEVICE_AND_INTERFACE_INFO(0x0627, 0x0001, 3, 1, 2) },
    { }
};

static long visitors;

static int porter_probe(struct usb_interface *interface, const struct usb_device_id *id)
{
    long number = ++visitors;

    usb_set_intfdata(interface, (void *)number);
    pr_info("visitor %ld has come\n", number);
    return 0;
}

static void porter_disconnect(struct usb_interface *interface)
{
    pr_info("visitor %ld has left\n", (long)usb_get_intfdata(interface));
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
