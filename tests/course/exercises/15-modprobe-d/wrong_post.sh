# caught by: before
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light post: curtain
blacklist smoke
END
