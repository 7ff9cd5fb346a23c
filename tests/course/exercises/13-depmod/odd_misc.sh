# A link will do as well.
ln -s /root/lantern.ko "/lib/modules/$(uname -r)/"
depmod -a "$(uname -r)"
