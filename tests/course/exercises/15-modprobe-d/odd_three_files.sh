# A file for each wish, and install instead of softdep.
echo 'options curtain speed=3' >/etc/modprobe.d/curtain.conf
echo 'install stage_light /sbin/modprobe curtain; /sbin/modprobe --ignore-install stage_light $CMDLINE_OPTS' >/etc/modprobe.d/light.conf
printf '# no smoke\nblacklist smoke\n' >/etc/modprobe.d/smoke.conf
