# caught by: other-names
# Nothing is found by an alias any more, the light included.
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
blacklist smoke
blacklist stage_light
blacklist curtain
END
