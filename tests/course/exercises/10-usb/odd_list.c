/* A list of those who are here; an entry for each kind of device. */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/usb.h>

static const struct usb_device_id lent_out[] = {
    { USB_DEVICE_AND_INTERFACE_INFO(0x0627, 0x0001, USB_CLASS_HID, 1, 1) },
    { USB_DEVICE_AND_INTERFACE_INFO(0x0627, 0x0001, USB_CLASS_HID, 1, 2) },
    { USB_DEVICE(0x0627, 0x0001) },
    { }
};

struct visitor {
    struct list_head list;
    struct usb_interface *interface;
    unsigned int number;
};

static LIST_HEAD(present);
static DEFINE_MUTEX(lock);
static unsigned int visitors;

static int porter_probe(struct usb_interface *interface, const struct usb_device_id *id)
{
    struct visitor *visitor = kmalloc(sizeof(*visitor), GFP_KERNEL);

    if (!visitor)
        return -ENOMEM;
    mutex_lock(&lock);
    visitor->interface = interface;
    visitor->number = ++visitors;
    list_add_tail(&visitor->list, &present);
    pr_info("visitor %u has come\n", visitor->number);
    mutex_unlock(&lock);
    return 0;
}

static void porter_disconnect(struct usb_interface *interface)
{
    struct visitor *visitor;

    mutex_lock(&lock);
    list_for_each_entry(visitor, &present, list)
        if (visitor->interface == interface)
            break;
    list_del(&visitor->list);
    mutex_unlock(&lock);
    pr_info("visitor %u has left\n", visitor->number);
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
