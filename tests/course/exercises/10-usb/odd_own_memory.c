/* Managed memory for each visitor, any class of interface, the macro, other names. */
#include <linux/atomic.h>
#include <linux/module.h>
#include <linux/usb.h>

struct visitor {
    int ticket;
};

static atomic_t tickets = ATOMIC_INIT(0);

static int arrive(struct usb_interface *socket, const struct usb_device_id *unused)
{
    struct visitor *visitor = devm_kzalloc(&socket->dev, sizeof(*visitor), GFP_KERNEL);

    if (!visitor)
        return -ENOMEM;
    visitor->ticket = atomic_inc_return(&tickets);
    usb_set_intfdata(socket, visitor);
    dev_info(&socket->dev, "visitor %d has come\n", visitor->ticket);
    return 0;
}

static void depart(struct usb_interface *socket)
{
    struct visitor *visitor = usb_get_intfdata(socket);

    dev_info(&socket->dev, "visitor %d has left\n", visitor->ticket);
}

static const struct usb_device_id ids[] = {
    { .match_flags = USB_DEVICE_ID_MATCH_DEVICE, .idVendor = 0x627, .idProduct = 1 },
    { 0 },
};
MODULE_DEVICE_TABLE(usb, ids);

static struct usb_driver desk = {
    .name = KBUILD_MODNAME,
    .probe = arrive,
    .disconnect = depart,
    .id_table = ids,
};
module_usb_driver(desk);
MODULE_DESCRIPTION("Tells who comes and goes");
MODULE_LICENSE("GPL");