# caught by: tidied quiet alone
# answer: tidy
rmmod -f usbcore
rmmod -f usbhid hid usbcore usb_common
