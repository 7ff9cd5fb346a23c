/* caught by: plugged new */
/* It logs the line, and does not take the card. */
#include <linux/module.h>
#include <linux/pci.h>

static const struct pci_device_id cards[] = {
    { PCI_DEVICE(0x1234, 0x11e8) },
    { PCI_DEVICE(0x1b36, 0x0005) },
    { }
};
MODULE_DEVICE_TABLE(pci, cards);

static int abacus_probe(struct pci_dev *card, const struct pci_device_id *id)
{
    pr_info("ready to count with %04x:%04x\n", card->vendor, card->device);
    return -ENODEV;
}

static struct pci_driver abacus_driver = {
    .name = "abacus",
    .id_table = cards,
    .probe = abacus_probe,
};

module_pci_driver(abacus_driver);
MODULE_DESCRIPTION("Drives the school's cards");
MODULE_LICENSE("GPL");
