/* A driver for each kind, each with a table that is published; and a name of its own. */
#include <linux/module.h>
#include <linux/pci.h>

static int abacus_probe(struct pci_dev *card, const struct pci_device_id *id)
{
    pci_info(card, "ready to count with %04x:%04x\n", id->vendor, id->device);
    return 0;
}

static const struct pci_device_id old_cards[] = {
    { .vendor = 0x1234, .device = 0x11e8, PCI_ANY_ID, PCI_ANY_ID },
    { }
};
MODULE_DEVICE_TABLE(pci, old_cards);

static struct pci_driver old_driver = { .name = "abacus", .id_table = old_cards, .probe = abacus_probe };

static const struct pci_device_id new_cards[] = {
    { PCI_VDEVICE(REDHAT, 0x0005), .driver_data = 1 },
    { }
};
MODULE_DEVICE_TABLE(pci, new_cards);

static struct pci_driver new_driver = { .name = "abacus-2", .id_table = new_cards, .probe = abacus_probe };

static int __init abacus_init(void)
{
    int err = pci_register_driver(&old_driver);

    if (err)
        return err;
    err = pci_register_driver(&new_driver);
    if (err)
        pci_unregister_driver(&old_driver);
    return err;
}

static void __exit abacus_exit(void)
{
    pci_unregister_driver(&new_driver);
    pci_unregister_driver(&old_driver);
}

module_init(abacus_init);
module_exit(abacus_exit);
MODULE_ALIAS("counting-cards");
MODULE_DESCRIPTION("Drives the school's cards");
MODULE_LICENSE("GPL");
