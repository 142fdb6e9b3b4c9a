#!/bin/sh
# boot.sh - become the PID 1 of a systemd of our own, on an overlay of this machine. Run by boot.py in fresh namespaces.
#
# usage: boot.sh WORK TREE TARGET
#   WORK    an empty directory for the overlay
#   TREE    files to lay over the machine's
#   TARGET  the unit to start
#
# The network is the machine's own, so that the servers of a test can be reached.
set -eu

work=$1 tree=$2 target=$3
root=$work/root

mount --make-rprivate /
mount -t tmpfs -o mode=755 boot "$work"
mkdir "$work/upper" "$work/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" boot "$root"

mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
	touch "$root/dev/$device"
	mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs shm "$root/dev/shm"
if [ -e /etc/resolv.conf ]; then
	mkdir -p "$root/run/boot"
	cp /etc/resolv.conf "$root/run/boot/"
fi

# Nothing of the machine's own services.
rm -rf "$root"/etc/systemd/system/*.wants "$root"/etc/systemd/system/*.requires
cp -a "$tree/." "$root/"
chroot "$root" systemd-sysusers gatecert.conf
chroot "$root" systemd-tmpfiles --create gatecert.conf

cd "$root"
mkdir -p .old
pivot_root . .old
umount -l /.old
exec env -i container=gatecert-test PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C \
	/lib/systemd/systemd --system "--unit=$target" --log-target=console --log-level=info --show-status=no
