# answer: tidy
# All in one command; rmmod takes them in their order.
rmmod usbhid usbcore usb-common hid
