#!/usr/bin/env bash
# Makes a fresh Debian (12 or 13) ready for kmodlab: Debian packages first, then .venv with the locked Python packages.
#
#     binder/setup.sh [--system] [lab|test|test-long|bench|check]
#
#     lab       what a learner needs (the default)
#     test      that, and what the tests need
#     test-long that, and what makes a root of another Debian
#     bench     what the tests need, and what virtme-ng needs, which the benchmark measures us beside
#     check     the linters alone
#     --system  only the Debian packages, for an image that is built as root and used by somebody else
#
# Asks nothing, needs no root where nothing of Debian's is missing, and does only what is not done yet: once all is
# there it is silent and needs no network. Exit status: 0 ready, 2 usage, 4 something is missing, and the last lines
# say what to do about it.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(dirname "$here")
venv=$root/.venv
python=${PYTHON:-python3}

# A user's own settings for Python must not lead the installation out of .venv.
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT

say() { printf 'kmodlab: %s\n' "$*"; }

# fail SENTENCE [WHAT-TO-DO...]
fail() {
	say "$1" >&2
	(($# == 1)) || printf '%s\n' "${@:2}" >&2
	exit 4
}

# One line that is written over while something long goes on; nothing where nobody watches.
show() { [[ ! -t 1 ]] || printf '\r\033[K  %.70s' "$*"; }
show_nothing() { [[ ! -t 1 ]] || printf '\r\033[K'; }

# --- Debian packages ---------------------------------------------------------------------------------------------

# need PACKAGE COMMAND...: the package is missing if the command fails. What counts is that the thing works, not
# where it came from.
need() { "${@:2}" >/dev/null 2>&1 || missing+=("$1"); }

has() { PATH=$PATH:/usr/sbin:/sbin command -v "$1"; } # a user may not have the administrator's folders on it
has_shared_library() { /sbin/ldconfig -p | grep -F "$1 "; }
has_static_libc() { [[ $(gcc -print-file-name=libc.a) == /* ]]; }
is_bookworm() { grep -q '^VERSION_CODENAME=bookworm$' /etc/os-release; }

find_missing() {
	missing=()
	need python3-venv "$python" -c 'import ensurepip, venv'
	if [[ $1 == check ]]; then
		need shellcheck has shellcheck
	else
		find_missing_for_lab
	fi
	if [[ $1 == test* ]]; then
		need chromium has chromium # JupyterLab is tested in it
		need kmod has modinfo      # what we read in modules is held against what it reads
	fi
	if [[ $1 == test-long ]]; then
		need mmdebstrap has mmdebstrap
		need pahole has pahole # for the newer kernel that tests of API changes use
	fi
	if [[ $1 == bench ]]; then
		need kmod has modprobe
		need busybox-static has busybox
		need udev has udevadm
	fi
}

find_missing_for_lab() {
	# kbuild and the guest's agent. Debian builds a release's kernel with that release's default gcc.
	need gcc has gcc
	need libc6-dev has_static_libc
	need make has make
	need libelf1 has_shared_library libelf.so.1 # for kbuild's objtool
	is_bookworm || need pahole has pahole # since Debian 13 kbuild adds a module's types (BTF)
	# The guest and its image.
	need qemu-system-x86 has "${KMODLAB_QEMU:-qemu-system-x86_64}"
	need squashfs-tools has mksquashfs
	need cpio has cpio
	# A kernel of our own (kmodlab kernel), and drivers in its tree.
	need flex has flex
	need bison has bison
	need bc has bc
	need xz-utils has xz
	need perl has perl
	need libelf-dev test -e /usr/include/libelf.h
	need git has git
	# Completes and explains C in cells.
	need clangd has clangd
	# The box that learners' builds and QEMU run in.
	need bubblewrap has bwrap
}

may_install() { [[ $(id -u) == 0 ]] || sudo -n true 2>/dev/null; }

as_root() {
	if [[ $(id -u) == 0 ]]; then
		env "$@"
	else
		sudo -n env "$@"
	fi
}

# The line to type: with sudo where there is one, as root where there is none.
apt_line() {
	local sudo=""
	if [[ $(id -u) != 0 ]] && command -v sudo >/dev/null; then
		sudo="sudo "
	fi
	if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
		printf '%sapt-get update && ' "$sudo"
	fi
	printf '%sapt-get install --no-install-recommends %s\n' "$sudo" "${missing[*]}"
}

install_missing() {
	command -v apt-get >/dev/null ||
		fail "This is no Debian; please install what Debian calls: ${missing[*]}"
	may_install ||
		fail "These Debian packages are missing, and only root may install them: ${missing[*]}" \
			"Run this line, then repeat your command:" "" "    $(apt_line)" ""
	say "Installing Debian packages: ${missing[*]}"
	as_root apt-get -qq update </dev/null ||
		say "The package lists could not be refreshed; going on with those at hand."
	as_root DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
		-o DPkg::Lock::Timeout=300 -o APT::Status-Fd=1 install "${missing[@]}" </dev/null | show_apt ||
		fail "apt-get could not install them (its reasons are above). By hand: $(apt_line)"
}

# apt reports "dlstatus:1:12.5:Retrieving file 1 of 9" and "pmstatus:gcc:40.0:Unpacking gcc" among its other lines.
show_apt() {
	local kind percent words
	while IFS=: read -r kind _ percent words; do
		case $kind in dlstatus | pmstatus) show "${percent%.*} % $words" ;; esac
	done
	show_nothing
}

# --- Python packages ---------------------------------------------------------------------------------------------

# What .venv was made of, in files that are written last: where one run was interrupted, the next starts afresh.
locked=$venv/.locked         # one fingerprint for each lock file that is installed whole
installed=$venv/.project     # the fingerprint of the project's own metadata
unfinished=$venv/.unfinished # packages are being added

# A .venv holds absolute paths and packages for one minor version of Python, so both belong to what it is made of.
fingerprint() {
	{
		printf '%s\n' "$venv"
		"$venv/bin/python" -S -c 'import sys; print(sys.version_info[:2])' 2>/dev/null || printf 'no Python\n'
		cat "$1"
	} | sha256sum
}

holds() { grep -qxF "$(fingerprint "$1")" "$2" 2>/dev/null; }

make_venv() {
	say "Making .venv, the folder of the Python packages"
	{ rm -f "$locked" "$installed" && rm -rf "$venv"; } || fail "The old $venv cannot be removed; is it root's?"
	"$python" -m venv "$venv" || fail "$python could not make $venv; its reasons are above."
}

# install_lock LOCK [ALSO...]: ALSO are lock files that this one contains.
install_lock() {
	local lock=$1 total
	total=$(grep -c '^[a-z0-9].*==' "$lock")
	say "Installing $total Python packages (versions and checksums from binder/$(basename "$lock"))"
	touch "$unfinished"
	# uv takes a fifth of pip's time, but does not know all of pip's settings.
	install_by_uv "$lock" "$total" || install_by_pip "$lock" "$total"
	for lock in "$@"; do
		fingerprint "$lock"
	done >"$locked.new"
	mv "$locked.new" "$locked"
	rm "$unfinished"
}

pip() { "$venv/bin/python" -m pip --disable-pip-version-check --no-input "$@" </dev/null; }

# The lock names every package there is to be, so none has to be looked for (--no-deps). Debian 12's pip, if it does,
# takes the newest release of what is wanted with an extra, not the locked one, and then misses its checksum.
locked_only=(--no-deps --only-binary :all: --require-hashes)

install_by_pip() {
	pip install --progress-bar off "${locked_only[@]}" -r "$1" | show_pip "$2" || {
		rm "$unfinished" # pip has put back what it changed
		fail "The Python packages could not be installed; pip's reasons are above." \
			"Once they are mended (is the network there?), repeat your command."
	}
}

# uv itself comes by pip, with the lock's checksum, into a folder that is removed again.
install_by_uv() (
	tool=$venv/.uv
	trap 'rm -rf "$tool"' EXIT
	mkdir -p "$tool" && uv_of_the_lock >"$tool/uv.txt" || exit
	pip install --quiet --target "$tool" "${locked_only[@]}" -r "$tool/uv.txt" &>/dev/null || exit
	follow_settings_of_pip
	show_uv "$tool/cache" "$2" &
	trap 'kill $! 2>/dev/null; show_nothing; rm -rf "$tool"' EXIT
	cd / && UV_CACHE_DIR=$tool/cache "$tool/bin/uv" pip install --quiet --python "$venv/bin/python" \
		--index-strategy unsafe-best-match "${locked_only[@]}" -r "$1" </dev/null &>/dev/null
)

show_uv() {
	while sleep 0.3; do
		show "$(find "$1" -mindepth 2 -maxdepth 2 -path '*/archive-*' 2>/dev/null | wc -l) of $2"
	done
}

# Where pip is told to look for packages, uv looks too.
follow_settings_of_pip() {
	local line setting
	while read -r line; do
		case $line in
		*.index-url=*) setting=UV_DEFAULT_INDEX ;;
		*.extra-index-url=*) setting=UV_INDEX ;;
		*.find-links=*) setting=UV_FIND_LINKS ;;
		*.cert=*) setting=SSL_CERT_FILE ;;
		*) continue ;;
		esac
		line=${line#*=?}
		export "$setting=${line%?}"
	done < <(pip config list 2>/dev/null)
}

uv_of_the_lock() {
	awk '/^uv==/ { found = 1 } found { print } found && !/\\$/ { exit }' "$here/requirements-dev.txt" 2>/dev/null
}

show_pip() {
	local word name seen=0
	while read -r word name _; do
		case $word in
		Collecting | Requirement | Ignoring) show "$((++seen)) of $1: ${name%%[=;:]*}" ;;
		Installing) show "unpacking" ;;
		esac
	done
	show_nothing
}

install_project() {
	say "Installing kmodlab itself, from this folder"
	pip install --quiet --no-deps --no-build-isolation --no-index --editable "$root" ||
		fail "kmodlab itself could not be installed; pip's reasons are above."
	# JupyterLab asks at its first start whether it may fetch news; a lab that talks to nobody need not ask.
	mkdir -p "$venv/etc/jupyter/labconfig"
	printf '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}\n' \
		>"$venv/etc/jupyter/labconfig/page_config.json"
	fingerprint "$root/pyproject.toml" >"$installed.new"
	mv "$installed.new" "$installed"
}

check_python() {
	"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
		fail "kmodlab needs Python 3.11 or newer, and $python is not one." \
			"Where there is another, name it: make lab PYTHON=/usr/bin/python3"
}

check_room() {
	local free_mib
	free_mib=$(($(df -Pk "$root" | awk 'NR == 2 { print $4 }') / 1024))
	((free_mib >= $1)) || fail "The Python packages need $1 MiB, and $root has only $free_mib MiB free."
}

make_python() {
	local lab=$here/requirements.txt dev=$here/requirements-dev.txt
	[[ -w $root ]] || fail "$root is not writable for you, so .venv cannot be made there."
	exec 9>"$root/.venv.lock"
	flock -n 9 || {
		say "Another set-up is under way in this folder; waiting for it."
		flock 9
	}
	if [[ $1 == lab ]]; then
		holds "$lab" "$locked" || {
			check_room 600
			make_venv
			install_lock "$lab"
		}
	else
		holds "$dev" "$locked" || {
			check_room 1200
			# The longer lock file only adds to the shorter one, so a learner's .venv stays good meanwhile.
			{ holds "$lab" "$locked" && [[ ! -e $unfinished ]]; } || make_venv
			install_lock "$dev" "$lab"
		}
	fi
	holds "$root/pyproject.toml" "$installed" || install_project
	copy_extension
}

# JupyterLab reads its extensions here, and its configuration, and the ipykernel what it loads. pip made the first copies; this brings them up
# to date.
copy_extension() {
	local folder=$venv/share/jupyter/labextensions/kmodlab
	diff -rq "$root/kmodlab/notebook/labextension" "$folder" >/dev/null 2>&1 || {
		mkdir -p "$folder"
		cp -RT "$root/kmodlab/notebook/labextension" "$folder"
	}
	mkdir -p "$venv/etc/ipython" "$venv/etc/jupyter"
	cp "$root/kmodlab/notebook/ipython/ipython_kernel_config.py" "$venv/etc/ipython/"
	local program
	for program in server nbconvert; do # both export notebooks
		cp "$root/kmodlab/course/slides/languages.json" "$venv/etc/jupyter/jupyter_${program}_config.json"
	done
}

# ------------------------------------------------------------------------------------------------------------------

main() {
	local purpose=lab system_only=no argument
	for argument in "$@"; do
		case $argument in
		--system) system_only=yes ;;
		lab | test | test-long | bench | check) purpose=$argument ;;
		*)
			printf 'usage: binder/setup.sh [--system] [lab|test|test-long|bench|check]\n' >&2
			exit 2
			;;
		esac
	done
	check_python
	find_missing "$purpose"
	if ((${#missing[@]})); then
		install_missing
	fi
	if [[ $system_only == no ]]; then
		make_python "$purpose"
	fi
}

main "$@"
