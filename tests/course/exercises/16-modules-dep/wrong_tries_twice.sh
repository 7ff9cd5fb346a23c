# caught by: quiet
# answer: tidy
for _ in 1 2 3 4; do rmmod usb_common usbcore hid usbhid; done
