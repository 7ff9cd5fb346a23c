/* The region is reserved, the card may be a bus master, and the table is published. */
#include <linux/module.h>
#include <linux/pci.h>

static const struct pci_device_id cards[] = {
    { PCI_DEVICE(0x1234, 0x11e8) },
    { }
};
MODULE_DEVICE_TABLE(pci, cards);

static int census_probe(struct pci_dev *card, const struct pci_device_id *id)
{
    void __iomem *registers;
    int err;

    err = pci_enable_device(card);
    if (err)
        return err;
    err = pci_request_region(card, 0, "census");
    if (err)
        goto disable;
    registers = pci_iomap(card, 0, 0);
    if (!registers) {
        err = -ENOMEM;
        goto release;
    }
    pci_set_master(card);
    pci_set_drvdata(card, registers);
    pci_info(card, "card found: 0x%08X\n", ioread32(registers));
    return 0;
release:
    pci_release_region(card, 0);
disable:
    pci_disable_device(card);
    return err;
}

static void census_remove(struct pci_dev *card)
{
    pci_iounmap(card, pci_get_drvdata(card));
    pci_release_region(card, 0);
    pci_disable_device(card);
    pr_info("card gone\n");
}

static struct pci_driver census_driver = {
    .name = "census",
    .id_table = cards,
    .probe = census_probe,
    .remove = census_remove,
};

static int __init census_init(void)
{
    return pci_register_driver(&census_driver);
}

static void __exit census_exit(void)
{
    pci_unregister_driver(&census_driver);
}

module_init(census_init);
module_exit(census_exit);
MODULE_DESCRIPTION("Tells which cards there are");
MODULE_LICENSE("GPL");
