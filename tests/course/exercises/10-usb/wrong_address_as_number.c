/* caught by: evening, others */
#include <linux/module.h>
#include <linux/usb.h>

static const struct usb_device_id lent_out[] = {
    { USB_DEVICE(0x0627, 0x0001) },
    { }
};

static int porter_probe(struct usb_interface *interface, const struct usb_device_id *id)
{
    int number = interface_to_usbdev(interface)->devnum - 1;

    pr_info("visitor %d has come\n", number);
    return 0;
}

static void porter_disconnect(struct usb_interface *interface)
{
    pr_info("visitor %d has left\n", interface_to_usbdev(interface)->devnum - 1);
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
