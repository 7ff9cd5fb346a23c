#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# In the guest, after run.sh: loads and unloads the module many times.
#
#     cycle.sh FILE NAME TIMES [PARAMETER=VALUE ...]
file=$1 name=$2 times=$3
shift 3
count=0

echo "@@ cycle"
echo "kmodlab: cycle" >/dev/kmsg
while [ $count -lt "$times" ]; do
	busybox insmod "$file.ko" "$@" || break
	busybox rmmod "$name" || break
	count=$((count + 1))
done 2>&1
echo "@@ cycled $count"
echo "@@ account cycled"
cat /sys/kernel/debug/kmodlab/check /proc/modules
