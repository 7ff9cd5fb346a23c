# caught by: before
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
weakdep stage_light curtain
blacklist smoke
END
