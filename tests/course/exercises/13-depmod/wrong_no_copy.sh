# caught by: found
depmod -a
