#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# In the guest: loads the witness, then the module under test; unloads that, and loads it once more. Says what happens.
#
#     run.sh FILE NAME SETTLE [PARAMETER=VALUE ...]
#
# FILE.ko is the module, NAME what lsmod calls it; needed-*.ko, and the modules named in `depends`, go before it.
# SETTLE 1: give what it set going its turn, and run `script` if there is one. Each step is announced by a line
# "@@ step word ..." and in the kernel's log.
# busybox's insmod is ready sooner than kmod's, but calls init once more when it fails, so it is not used where it may.
file=$1 name=$2 settle=$3
shift 3
own=/sys/kernel/debug/kmodlab

step() {
	echo "@@ $*"
	echo "kmodlab: $*" >/dev/kmsg
}

account() {
	step account "$1"
	cat $own/check /proc/modules
}

# A program that was killed by a signal met a crash: nothing more can be learnt from this kernel.
sound() {
	[ "$1" -lt 128 ] || exit 0
}

echo 1 >/sys/kernel/rcu_expedited
[ ! -e depends ] || while read -r needed; do
	modprobe "$needed"
done <depends
for needed in needed-*.ko; do
	[ ! -e "$needed" ] || /sbin/insmod "$needed" 2>&1 || {
		step refused "$needed"
		exit 0
	}
done
busybox insmod kmodlab_witness.ko || exit 80
cat plan >$own/plan || exit 81
step where
cat $own/where
account before

step load
/sbin/insmod "$file.ko" "$@" 2>&1
status=$?
step loaded $status
sound $status
if [ $status = 0 ]; then
	if [ "$settle" = 1 ]; then
		step settle
		cat $own/settle
		[ ! -e script ] || {
			step script
			sh script 2>&1
			step scripted $?
		}
	fi
	step unload
	busybox rmmod "$name" 2>&1
	status=$?
	step unloaded $status
	sound $status
fi
account after
[ ! -e "/sys/module/$name" ] || {
	step end
	exit 0
}

step reload
/sbin/insmod "$file.ko" "$@" 2>&1
status=$?
step reloaded $status
sound $status
if [ $status = 0 ]; then
	busybox rmmod "$name" 2>&1
	status=$?
	step reunloaded $status
	sound $status
fi
step end
