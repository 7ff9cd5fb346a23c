# caught by: speed
# modprobe does not look into folders below.
mkdir -p /etc/modprobe.d/theatre
cat >/etc/modprobe.d/theatre/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
blacklist smoke
END
