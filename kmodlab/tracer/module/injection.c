// SPDX-License-Identifier: GPL-2.0-or-later
/* The one call that is made to fail. */
#include <linux/device.h>
#include <linux/kobject.h>
#include <linux/platform_device.h>
#include "calls.h"

static bool has_failed;

void forget_injection(void)
{
	has_failed = false;
}

bool is_to_fail(u16 number, u16 function, unsigned int count)
{
	if (has_failed || number != plan.fail_site || function != plan.fail_function || sites[number].hits != plan.fail_nth || phase != IN_INIT ||
	    is_interrupting(count))
		return false;
	has_failed = true;
	return true;
}

/*
 * Three functions do half of their work before they can fail, and their caller must undo that half. These do that half
 * and nothing else.
 */
static void half_device_register(struct device *device)
{
	device_initialize(device);
}

static void half_kobject_init_and_add(struct kobject *kobject, const struct kobj_type *type)
{
	kobject_init(kobject, (struct kobj_type *)type);
}

static void half_platform_device_register(struct platform_device *device)
{
	device_initialize(&device->dev);
}

/* The numbers are those of HALVES in kernel_api.py. */
unsigned long half_function(void)
{
	switch (plan.half) {
	case 1:
		return (unsigned long)half_device_register;
	case 2:
		return (unsigned long)half_kobject_init_and_add;
	case 3:
		return (unsigned long)half_platform_device_register;
	}
	return 0;
}
