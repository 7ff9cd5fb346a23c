file=/etc/modprobe.d/zz-stage-1.conf
printf '%s\n' '# The technician asked for this.' '' 'options   curtain \' '    speed=3' | tee $file >/dev/null
echo 'softdep stage-light pre: curtain' >> "$file"
sed -i '$a blacklist smoke' "$file"
chmod 644 "$file"
