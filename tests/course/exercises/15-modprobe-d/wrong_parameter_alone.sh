# caught by: speed
cat >/etc/modprobe.d/theatre.conf <<END
options curtain=3
softdep stage_light pre: curtain
blacklist smoke
END
