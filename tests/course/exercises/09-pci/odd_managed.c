/* What is managed goes by itself; the macro writes init and exit. */
#include <linux/module.h>
#include <linux/pci.h>

static const struct pci_device_id cards[] = {
    { PCI_DEVICE(0x1234, 0x11e8) },
    { }
};

static int census_probe(struct pci_dev *card, const struct pci_device_id *id)
{
    int err;

    err = pcim_enable_device(card);
    if (err)
        return err;
    err = pcim_iomap_regions(card, BIT(0), KBUILD_MODNAME);
    if (err)
        return err;
    dev_info(&card->dev, "card found: %#010x\n", readl(pcim_iomap_table(card)[0]));
    return 0;
}

static void census_remove(struct pci_dev *card)
{
    dev_info(&card->dev, "card gone\n");
}

static struct pci_driver census_driver = {
    .name = "census",
    .id_table = cards,
    .probe = census_probe,
    .remove = census_remove,
};

module_pci_driver(census_driver);
MODULE_DESCRIPTION("Tells which cards there are");
MODULE_LICENSE("GPL");