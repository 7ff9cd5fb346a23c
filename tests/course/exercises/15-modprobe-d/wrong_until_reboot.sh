# caught by: speed
# /run is empty after a reboot.
mkdir -p /run/modprobe.d
cat >/run/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
blacklist smoke
END
