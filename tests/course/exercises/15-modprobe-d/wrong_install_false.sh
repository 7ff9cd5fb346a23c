# caught by: smoke-name
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
install smoke /bin/false
END
