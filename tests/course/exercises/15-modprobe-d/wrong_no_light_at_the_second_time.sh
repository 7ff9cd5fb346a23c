# caught by: before
# Where the curtain is up, insmod fails and the light stays dark.
cat >/etc/modprobe.d/theatre.conf <<'END'
options curtain speed=3
install stage_light /sbin/insmod /lib/modules/$(uname -r)/extra/curtain.ko speed=3 && /sbin/modprobe --ignore-install stage_light
blacklist smoke
END
