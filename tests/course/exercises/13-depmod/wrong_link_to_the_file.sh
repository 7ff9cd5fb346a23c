# caught by: found
# The link points to a file beside it, and there is none.
ln -s lantern.ko "/lib/modules/$(uname -r)/lantern.ko"
depmod -a
