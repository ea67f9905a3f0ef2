# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Shared by the scripts: where the tree is, how to speak, how to run a step and count its result.

b53_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# Debian's Python has the modules the tests need; a pyenv or conda in front of it does not.
export PYTHON=${PYTHON:-/usr/bin/python3}

say() { printf '%s: %s\n' "${0##*/}" "$*"; }
warn() { printf '%s: warning: %s\n' "${0##*/}" "$*" >&2; }
die() {
	printf '%s: error: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# apt-get without questions; another one that runs is waited for.
apt() { DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"; }

have() { command -v "$1" >/dev/null 2>&1; }

now_ms() { date +%s%3N; }

# since MS -> "12.3 s"
since() {
	local ms=$(($(now_ms) - $1))
	printf '%d.%d s' $((ms / 1000)) $((ms % 1000 / 100))
}

# Files of the project: what git tracks, and what is new and not ignored; all files without git.
project_files() {
	(
		cd "$b53_root" || exit 1
		if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
			git ls-files --cached --others --exclude-standard
		else
			find . -path ./build -prune -o -type f -printf '%P\n'
		fi
	) | while IFS= read -r f; do
		[ -f "$b53_root/$f" ] && printf '%s\n' "$f"
	done | sort -u
}

c_files() { project_files | grep -E '\.[ch]$' || true; }

# Scripts are known by their first line, not by their name.
shell_files() {
	project_files | grep -vE '\.(c|h|md|json|jsonl|png|svg|py|bin|sum|txt)$' | while IFS= read -r f; do
		case $(head -c 40 "$b53_root/$f" | head -n 1 | tr -d '\0') in
		'#!'*bash | '#!/bin/sh' | '#!'*'env sh') printf '%s\n' "$f" ;;
		*) case $f in *.sh | *.bash) printf '%s\n' "$f" ;; esac ;;
		esac
	done
}

# One runner at a time per build directory: parallel ninja runs in one directory break each other.
# The lock is held until the calling script ends.
hold_lock() {
	mkdir -p "$(dirname "$1")"
	exec 9>"$1"
	if ! flock -n 9; then
		say "waiting for another run in $(dirname "$1")"
		flock -w "${2:-900}" 9 || die "another run still holds $1"
	fi
}

# meson_setup DIR OPTION... : configures DIR once, and again when the options changed or it is broken.
meson_setup() {
	local dir=$1
	shift
	local want="CC=${CC:-cc} $*"
	if [ -f "$dir/build.ninja" ] && [ "$(cat "$dir/.b53-options" 2>/dev/null)" = "$want" ]; then
		return 0
	fi
	rm -rf "$dir"
	mkdir -p "$dir"
	meson setup "$dir" "$b53_root" "$@" >"$dir.setup.log" 2>&1 || {
		tail -n 6 "$dir.setup.log" >&2
		return 1
	}
	printf '%s' "$want" >"$dir/.b53-options"
}

# Builds all targets of a build directory and shows only what a person needs of it.
quiet_ninja() {
	local out=$1/.b53-ninja.log rc=0
	ninja -C "$1" -j2 -k0 --quiet >"$out" 2>&1 || rc=$?
	# Commands, and what meson says when it configures again.
	grep -vE '^([^ ]*/)?(cc|gcc|clang-14) .* -o |^(Compiler|Dependency|Run-time|Found|Build|Host|C compiler|C linker|Project|Source|Version|The Meson|Cleaning|burst53 [0-9]|  User defined|    (buildtype|werror|b_[a-z]*|c_args) *:)' \
		"$out" || true
	return "$rc"
}
