# caught by: otherwise
# What others have configured is gone.
rm -f /etc/modprobe.d/*
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
blacklist smoke
END
