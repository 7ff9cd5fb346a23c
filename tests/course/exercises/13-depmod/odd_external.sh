# A folder of its own, which the configuration of depmod names.
mkdir -p /opt/lamps /etc/depmod.d
mv lantern.ko /opt/lamps/
echo "external $(uname -r) /opt/lamps" >/etc/depmod.d/lamps.conf
echo "search external updates built-in" >>/etc/depmod.d/lamps.conf
depmod -a
