# caught by: tidied
# answer: tidy
rmmod usbhid
