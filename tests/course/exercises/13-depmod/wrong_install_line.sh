# caught by: found
echo 'install lantern insmod /root/lantern.ko' >/etc/modprobe.d/lantern.conf
echo 'install lamp insmod /root/lantern.ko' >>/etc/modprobe.d/lantern.conf
