# caught by: quiet
# answer: tidy
# What fails is told to nobody.
for m in usb_common usbcore hid usbhid hid usbcore usb_common; do rmmod -s $m; done
