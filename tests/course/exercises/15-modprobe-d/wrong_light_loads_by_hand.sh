# caught by: before
# because: at speed 3
# insmod reads no options.
cat >/etc/modprobe.d/theatre.conf <<'END'
options curtain speed=3
install stage_light /sbin/insmod /lib/modules/$(uname -r)/extra/curtain.ko; /sbin/modprobe --ignore-install stage_light $CMDLINE_OPTS
blacklist smoke
END
