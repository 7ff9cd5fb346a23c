# caught by: otherwise
cat >/etc/modprobe.d/theatre.conf <<'END'
install curtain /sbin/modprobe --ignore-install curtain $CMDLINE_OPTS speed=3
softdep stage_light pre: curtain
blacklist smoke
END
