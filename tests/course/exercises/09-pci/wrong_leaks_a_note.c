/* caught by: back */
/* A note for each card is never freed. */
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

static const struct pci_device_id cards[] = {
    { PCI_DEVICE(0x1234, 0x11e8) },
    { }
};

static int census_probe(struct pci_dev *card, const struct pci_device_id *id)
{
    void __iomem *registers;
    int err;

    err = pci_enable_device(card);
    if (err)
        return err;
    registers = pci_iomap(card, 0, 0);
    if (!registers) {
        pci_disable_device(card);
        return -ENOMEM;
    }
    if (!kstrdup(pci_name(card), GFP_KERNEL)) {
        pci_iounmap(card, registers);
        pci_disable_device(card);
        return -ENOMEM;
    }
    pci_set_drvdata(card, registers);
    pr_info("card found: 0x%08x\n", ioread32(registers));
    return 0;
}

static void census_remove(struct pci_dev *card)
{
    pci_iounmap(card, pci_get_drvdata(card));
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
