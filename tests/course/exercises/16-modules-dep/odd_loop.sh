# answer: tidy
# From top to bottom, as long as it is there.
set -e
for module in usbhid hid usbcore usb_common; do
    while grep -q "^$module " /proc/modules; do
        /sbin/rmmod -v $module.ko >/dev/null || exit 1
    done
done
echo done
