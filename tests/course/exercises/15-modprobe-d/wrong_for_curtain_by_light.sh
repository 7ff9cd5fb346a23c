# caught by: speed
cat >/etc/modprobe.d/theatre.conf <<END
options stage_light speed=3
softdep stage_light pre: curtain
blacklist smoke
END
