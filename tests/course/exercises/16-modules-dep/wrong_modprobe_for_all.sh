# caught by: alone
# because: modprobe-
# answer: tidy
# modprobe finds the order, not its user.
modprobe -r usbhid
modprobe -r usb_common
