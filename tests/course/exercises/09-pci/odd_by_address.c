#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

/* Maps by address, keeps what it knows in memory of its own, and has a table of numbers. */
struct desk {
    void __iomem *base;
};

static int meet(struct pci_dev *pdev, const struct pci_device_id *ent)
{
    struct desk *desk;
    int rc;

    desk = kzalloc(sizeof(*desk), GFP_KERNEL);
    if (desk == NULL)
        return -ENOMEM;
    if ((rc = pci_enable_device_mem(pdev)))
        goto err_free;
    if ((rc = pci_request_region(pdev, 0, "census")))
        goto err_disable;
    desk->base = ioremap(pci_resource_start(pdev, 0), pci_resource_len(pdev, 0));
    if (!desk->base) {
        rc = -EIO;
        goto err_release;
    }
    pci_set_drvdata(pdev, desk);
    pci_notice(pdev, "card found: 0x%08x\n", le32_to_cpu(__raw_readl(desk->base)));
    return 0;

err_release:
    pci_release_region(pdev, 0);
err_disable:
    pci_disable_device(pdev);
err_free:
    kfree(desk);
    return rc;
}

static void part(struct pci_dev *pdev)
{
    struct desk *desk = pci_get_drvdata(pdev);

    pci_notice(pdev, "card gone\n");
    iounmap(desk->base);
    pci_release_region(pdev, 0);
    pci_disable_device(pdev);
    kfree(desk);
}

static struct pci_device_id table[] = {
    { 0x1234, 0x11e8, PCI_ANY_ID, PCI_ANY_ID, 0, 0, 0 },
    { 0, }
};
MODULE_DEVICE_TABLE(pci, table);

static struct pci_driver driver = { .name = KBUILD_MODNAME, .id_table = table, .probe = meet, .remove = part };

static int __init begin(void)
{
    int rc = pci_register_driver(&driver);

    if (rc)
        pr_err("no driver: %d\n", rc);
    return rc;
}
module_init(begin);

static void __exit end(void)
{
    pci_unregister_driver(&driver);
}
module_exit(end);
MODULE_LICENSE("GPL");
