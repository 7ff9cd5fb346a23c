# All in one command; rmmod takes them in their order.
# answer: tidy
rmmod usbhid usbcore usb-common hid
