# caught by: speed
cat >/etc/modprobe.d/theatre.conf <<END
softdep stage_light pre: curtain
blacklist smoke
END
