# answer: tidy
# Finds out what can be removed, and calls rmmod only then.
todo="usb_common usbcore hid usbhid"
while [ "$todo" ]; do
    rest=
    for module in $todo; do
        if [ "$(ls /sys/module/$module/holders)" ]; then
            rest="$rest $module"
        else
            rmmod "$module" && echo "$module: removed without an error"
        fi
    done
    todo=$rest
done
