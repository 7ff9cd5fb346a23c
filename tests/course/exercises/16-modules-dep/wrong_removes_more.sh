# caught by: tidied
# answer: tidy
# Removes every module that nobody uses.
while :; do
    m=$(lsmod | awk 'NR > 1 && $3 == 0 && $1 !~ /virtio/ { print $1; exit }')
    [ "$m" ] || break
    rmmod $m
done
