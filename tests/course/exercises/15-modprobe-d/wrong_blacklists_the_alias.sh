# caught by: smoke-alias
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
blacklist theatre:effect
END
