#include <linux/module.h>
#include <linux/platform_device.h>
#include <linux/slab.h>

static struct platform_device *device;

static int on_probe(struct platform_device *pdev)
{
	char *buffer = devm_kzalloc(&pdev->dev, 100, GFP_KERNEL);

	if (!buffer)
		return -ENOMEM;
	platform_set_drvdata(pdev, buffer);
	return 0;
}

static struct platform_driver driver = {
	.probe = on_probe,
	.driver = { .name = "good_device" },
};

static int __init probe_init(void)
{
	int err = platform_driver_register(&driver);

	if (err)
		return err;
	device = platform_device_alloc("good_device", -1);
	if (!device) {
		err = -ENOMEM;
		goto unregister;
	}
	err = platform_device_add(device);
	if (err)
		goto put;
	return 0;
put:
	platform_device_put(device);
unregister:
	platform_driver_unregister(&driver);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	platform_device_unregister(device);
	platform_driver_unregister(&driver);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
