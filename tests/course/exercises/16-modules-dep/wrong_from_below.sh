# caught by: tidied
# answer: tidy
rmmod usb_common
rmmod usbcore
rmmod hid
rmmod usbhid
