#include <linux/module.h>
#include <linux/pci.h>

enum { OLD, NEW };

static struct pci_device_id table[] = {
    { PCI_DEVICE_SUB(PCI_VENDOR_ID_REDHAT, 0x0005, PCI_ANY_ID, PCI_ANY_ID), 0, 0, NEW },
    { 0x1234, 0x11e8, PCI_ANY_ID, PCI_ANY_ID, .driver_data = OLD },
    { /* end */ },
};

MODULE_DEVICE_TABLE(pci, table);

static int abacus_probe(struct pci_dev *card, const struct pci_device_id *id)
{
    int err = pcim_enable_device(card);

    if (err)
        return err;
    dev_info(&card->dev, "ready to count with %04x:%04x, %s\n", id->vendor, id->device,
             id->driver_data == NEW ? "new" : "old");
    return 0;
}

static void abacus_remove(struct pci_dev *card)
{
    dev_info(&card->dev, "gone\n");
}

static struct pci_driver abacus_driver = {
    .name = "abacus",
    .id_table = table,
    .remove = abacus_remove,
    .probe = abacus_probe,
};

module_pci_driver(abacus_driver);
MODULE_DESCRIPTION("Drives the school's cards");
MODULE_LICENSE("GPL");
