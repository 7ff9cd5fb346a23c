// verdict: leaks
// run: devm_kzalloc
// says: memory
#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

static struct platform_device *device;

static int on_probe(struct platform_device *pdev)
{
	char *buffer = kmalloc(96, GFP_KERNEL); /* here */
	char *other;

	if (!buffer)
		return -ENOMEM;
	other = devm_kzalloc(&pdev->dev, 32, GFP_KERNEL);
	if (!other)
		return -ENOMEM;
	platform_set_drvdata(pdev, buffer);
	return 0;
}

static int on_remove(struct platform_device *pdev)
{
	kfree(platform_get_drvdata(pdev));
	return 0;
}
static struct platform_driver driver = {
	.probe = on_probe,
	.remove = on_remove,
	.driver = { .name = "probe_device" },
};

static int __init probe_init(void)
{
	int err = platform_driver_register(&driver);

	if (err)
		return err;
	device = platform_device_register_simple("probe_device", -1, NULL, 0);
	if (IS_ERR(device)) {
		platform_driver_unregister(&driver);
		return PTR_ERR(device);
	}
	return 0;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	platform_device_unregister(device);
	platform_driver_unregister(&driver);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
