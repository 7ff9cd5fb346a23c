# caught by: found,alias
# because: modprobe
insmod lantern.ko
rmmod lantern
