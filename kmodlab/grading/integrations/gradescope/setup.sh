#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the autograder's image. Nothing needs a network afterwards.
set -euo pipefail

root=${KMODLAB_AUTOGRADER_ROOT:-/autograder}
export DEBIAN_FRONTEND=noninteractive KMODLAB_CACHE_DIR=$root/lab

# The kernel is Debian's on any distribution: apt gets a private list of archives, and the system's own stays as it is.
if ! grep -q '^ID=debian$' /etc/os-release; then
	apt-get -q update
	apt-get -q -y --no-install-recommends install ca-certificates debian-archive-keyring python3 python3-venv
	keys=/usr/share/keyrings/debian-archive-keyring.gpg
	printf 'deb [signed-by=%s] %s %s main\n' "$keys" "${DEBIAN_ARCHIVE:-http://deb.debian.org/debian}" \
		"${KMODLAB_SUITE:-bookworm}" >"$root/debian.list"
	printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "-";\n' "$root/debian.list" >"$root/debian.conf"
fi

bash "$root/source/kmodlab/binder/setup.sh" lab # who unpacked it may have dropped its mode
if [[ -e $root/debian.conf ]]; then
	export APT_CONFIG=$root/debian.conf
fi
"$root/source/kmodlab/.venv/bin/kmodlab" setup
