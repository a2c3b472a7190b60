#!/usr/bin/env bash
# Tests of scripts/lib.sh and scripts/install_dependencies.sh, with stand-ins for the system's commands.
# usage: setup_test.sh REPOSITORY
set -uo pipefail
repository=$1
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
passed=0 failed=0

# expect NAME CODE PATTERN COMMAND...: the command ends with CODE and what it prints, lines joined, matches PATTERN.
expect() {
  local name=$1 expected=$2 pattern=$3 code=0 said
  shift 3
  said=$("$@" 2>&1) || code=$?
  said=${said//$'\n'/ }
  if [ $code -eq "$expected" ] && [[ $said =~ ^$pattern$ ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf "  %s: ended with %s, saying '%s'; expected %s and '%s'\n" "$name" $code "$said" "$expected" "$pattern"
  fi
}

# with_lib UID CORES COMMAND: a command of lib.sh as this user on a machine of so many cores.
with_lib() {
  bash -c '. "$1/scripts/lib.sh"; uid=$2 cores=$3; id() { echo "$uid"; }; usable_cores() { echo "$cores"; }; eval "$4"' \
    lib "$repository" "$@"
}
expect "root, as many ranks as cores" 0 "--allow-run-as-root -np 2" with_lib 0 2 "mpirun_options 2"
expect "root, more ranks than cores" 0 "--allow-run-as-root --oversubscribe -np 3" with_lib 0 2 "mpirun_options 3"
expect "a user, as many ranks as cores" 0 "-np 2" with_lib 1000 2 "mpirun_options 2"
expect "a user, more ranks than cores" 0 "--oversubscribe -np 3" with_lib 1000 2 "mpirun_options 3"
expect "lists of processors" 0 "0 1 2 5 8 9" with_lib 0 1 "echo 0-2,5,8-9 | expand_list"
expect "cores" 0 "1" taskset -c "$(awk '/^Cpus_allowed_list/ { sub(/[-,].*/, "", $2); print $2 }' /proc/self/status)" \
  bash -c '. "$1/scripts/lib.sh"; usable_cores' lib "$repository"

# A system on which some packages are installed, seen by a user with or without rights.
tools=$temporary/tools
mkdir "$tools"
for tool in bash sh env dirname basename realpath mktemp rm grep tail cat sed; do ln -s "$(type -P "$tool")" "$tools/$tool"; done
stand_in() { printf '#!/bin/sh\n%s\n' "$2" >"$tools/$1" && chmod +x "$tools/$1"; }
stand_in dpkg-query 'for last; do :; done; case $last in have-*) echo installed ;; gone-*) echo config-files ;; *) exit 1 ;; esac'
stand_in apt-get "echo \"\$*\" >>$temporary/apt; case \"\$*\" in *unknown*) echo 'E: Unable to locate package' >&2; exit 100 ;; esac"
install() { env -i PATH="$tools" "$repository/scripts/install_dependencies.sh" "$@"; }
# apt_saw PATTERN: what apt-get was called with, then forgotten.
apt_saw() { cat "$temporary/apt" 2>/dev/null; rm -f "$temporary/apt"; }

stand_in id 'echo 0'
expect "nothing is missing" 0 "" install have-a have-b
expect "then apt is not called" 0 "" apt_saw
expect "only what is missing" 0 "installing Debian packages: miss-c gone-d" install have-a miss-c gone-d
expect "then apt is told so" 0 ".* update .* install --no-install-recommends miss-c gone-d" apt_saw
expect "a package that there is not" 1 ".*E: Unable to locate package .*could not install unknown-e.*" install unknown-e
expect "an option that there is not" 2 ".*unknown option '--fast'.*" install --fast
apt_saw >/dev/null

stand_in id '[ "$1" = -u ] && echo 1000 || echo somebody'
expect "a user without sudo" 1 ".*missing and installing them takes root.*somebody.*apt-get install miss-c" install miss-c
expect "then apt is not called" 0 "" apt_saw
stand_in sudo '[ "$1" = -n ] && shift; exec "$@"'
ln -s "$(type -P true)" "$tools/true"
expect "a user with sudo" 0 "installing Debian packages: miss-c" install miss-c
expect "then apt is called" 0 ".* install --no-install-recommends miss-c" apt_saw

rm "$tools/dpkg-query"
expect "no Debian" 0 ".*no Debian, so nothing was installed.*miss-c.*" install miss-c

printf '%s passed, %s failed\n' $passed $failed
[ $failed -eq 0 ]
