# caught by: found
echo 'install lantern insmod lantern.ko' >/etc/modprobe.d/lantern.conf
echo 'alias lamp lantern' >>/etc/modprobe.d/lantern.conf
