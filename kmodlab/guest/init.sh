#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The guest's first process: mounts the file systems that programs need and the kernel's modules, and becomes the agent.
mount -t devtmpfs none /dev
exec </dev/console >/dev/console 2>&1
mkdir -p /dev/pts
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devpts none /dev/pts
mount -t tmpfs none /run
mount -t tmpfs none /tmp
mount -t debugfs none /sys/kernel/debug
mount -t tracefs none /sys/kernel/tracing
hostname kmodlab
ip link set lo up

# The kernel's watchdogs count seconds of the clock, which goes on while a busy host lets the guest wait. So they wait for
# two minutes. The host counts the guest's own processor time (machine.py). It sends an NMI to a guest that is stuck, and
# the kernel shows where. A task that sleeps in the kernel for ever is reported after 15 s, not 120.
echo 60 >/proc/sys/kernel/watchdog_thresh
echo 120 >/sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
echo 120 >/sys/module/workqueue/parameters/watchdog_thresh
echo 1 >/proc/sys/kernel/unknown_nmi_panic
echo 15 >/proc/sys/kernel/hung_task_timeout_secs

# The modules are on a read-only disk. The overlay above it belongs to this guest, so that depmod can write.
release=$(uname -r)
modprobe -a virtio_pci virtio_blk virtio_console squashfs overlay
mkdir -p /run/modules/disk /run/modules/own /run/modules/work
mount -t squashfs -o ro /dev/vda /run/modules/disk
mount -t overlay -o lowerdir=/run/modules/disk,upperdir=/run/modules/own,workdir=/run/modules/work none "/lib/modules/$release"

exec agent /dev/vport*p1
