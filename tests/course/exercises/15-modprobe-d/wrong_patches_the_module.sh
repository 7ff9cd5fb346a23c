# caught by: smoke-alias
# Another alias is written into the module's file.
cat >/etc/modprobe.d/theatre.conf <<END
options curtain speed=3
softdep stage_light pre: curtain
END
for file in /lib/modules/*/extra/smoke.ko smoke.ko; do
    [ -e $file ] && sed -i 's/alias=theatre:effect/alias=theatre:nobody/' $file
done
[ -d /lib/modules/*/extra ] && depmod -a
