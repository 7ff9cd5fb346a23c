/* Nothing stays mapped or enabled, and the same names are others. */
#include <linux/module.h>
#include <linux/pci.h>

static const struct pci_device_id cards[] = {
    { .vendor = 0x1234, .device = 0x11e8, .subvendor = PCI_ANY_ID, .subdevice = PCI_ANY_ID },
    { 0 },
};

static int census_probe(struct pci_dev *card, const struct pci_device_id *id)
{
    void __iomem *registers;
    int err;

    err = pci_enable_device(card);
    if (err)
        return err;
    registers = ioremap(pci_resource_start(card, 0), 4);
    if (!registers) {
        pci_disable_device(card);
        return -ENOMEM;
    }
    printk(KERN_NOTICE "Card found: 0x%08x", readl(registers));
    iounmap(registers);
    pci_disable_device(card);
    return 0;
}

static void census_remove(struct pci_dev *card)
{
    pr_info("card gone\n");
}

static struct pci_driver census_driver = {
    .name = "school",
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
