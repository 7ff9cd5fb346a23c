# caught by: quiet
# answer: tidy
# Tries everything until it works, and says nothing of it.
for _ in 1 2 3 4; do rmmod usb_common usbcore hid usbhid 2>/dev/null; done
