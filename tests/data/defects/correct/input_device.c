#include <linux/module.h>
#include <linux/input.h>

static struct input_dev *device;

static int __init probe_init(void)
{
	int err;

	device = input_allocate_device();
	if (!device)
		return -ENOMEM;
	device->name = "good keys";
	input_set_capability(device, EV_KEY, KEY_A);
	err = input_register_device(device);
	if (err)
		input_free_device(device);
	return err;
}
module_init(probe_init);

static void __exit probe_exit(void)
{
	input_unregister_device(device);
}
module_exit(probe_exit);

MODULE_LICENSE("GPL");
