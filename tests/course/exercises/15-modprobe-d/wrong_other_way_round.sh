# caught by: before
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep curtain pre: stage_light
blacklist smoke
END
