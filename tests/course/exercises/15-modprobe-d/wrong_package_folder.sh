# caught by: speed
# The folder of packages, which overwrite it.
mkdir -p /lib/modprobe.d
cat >/lib/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
blacklist smoke
END
