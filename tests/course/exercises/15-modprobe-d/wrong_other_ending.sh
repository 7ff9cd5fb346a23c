# caught by: speed
cat >/etc/modprobe.d/theatre <<END
options curtain speed=3
softdep stage_light pre: curtain
blacklist smoke
END
