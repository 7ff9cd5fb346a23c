# install instead of options: what the command line says comes last, so it counts.
cat >/etc/modprobe.d/00-stage.conf <<'END'
# the curtain, and what the light needs
install curtain /sbin/modprobe --ignore-install curtain speed=3 $CMDLINE_OPTS
install stage-light /sbin/modprobe -q curtain; exec /sbin/modprobe --ignore-install stage_light $CMDLINE_OPTS
blacklist smoke
END
chmod 644 /etc/modprobe.d/00-stage.conf
