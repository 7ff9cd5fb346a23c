# caught by: alone
# because: busybox-
# answer: tidy
# Another modprobe.
busybox modprobe -r usbhid
busybox modprobe -r hid usbcore usb_common
