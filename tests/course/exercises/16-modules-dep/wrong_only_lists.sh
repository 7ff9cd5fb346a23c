# caught by: tidied
# answer: tidy
lsmod | grep usb
rmmod usbhid usbcore usb_common
