# caught by: found
cp lantern.ko /lib/modules/
depmod -a
