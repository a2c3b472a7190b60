# What the scripts share. Source it; it changes to the repository's root.
set -euo pipefail
script=$(realpath "$0")
start_directory=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { printf '%s\n' "$*"; }
heading() { printf '\n== %s\n' "$*"; }
warn() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }
die() {
  local code=$1
  shift
  warn "$*"
  exit "$code"
}
have() { command -v "$1" >/dev/null 2>&1; }

# Exit codes are Convoy's own (README.md): 2 usage, 3 data; 4 here is a download that did not come through.
readonly kUsage=2 kData=3 kNetwork=4

# The script's own leading comment is its help.
print_help() { sed -n '2,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$script"; }

is_root() { [ "$(id -u)" -eq 0 ]; }

# Runs a command as root: directly, or through sudo. Fails without a word where neither is possible.
as_root() {
  if is_root; then
    "$@"
  elif have sudo && { sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ]; }; }; then
    sudo "$@"
  else
    return 126
  fi
}

# "0-2,5" -> one number a line.
expand_list() { tr ',' '\n' | awk -F- '{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) print i }'; }

# Cores that this process may use: the affinity mask counted in cores rather than hardware threads, at most the CPU
# quota of the control group.
usable_cores() {
  local cpu cores quota period siblings
  cores=$(awk '/^Cpus_allowed_list:/ { print $2 }' /proc/self/status | expand_list | while read -r cpu; do
    siblings=/sys/devices/system/cpu/cpu$cpu/topology/thread_siblings_list
    if [ -r "$siblings" ]; then cat "$siblings"; else echo "$cpu"; fi
  done | sort -u | wc -l)
  if read -r quota period 2>/dev/null </sys/fs/cgroup/cpu.max && [ "$quota" != max ]; then
    [ $((quota / period)) -ge "$cores" ] || cores=$((quota / period))
  fi
  [ "$cores" -ge 1 ] || cores=1
  echo "$cores"
}

# mpirun's options for this many ranks on this machine, one a line: it refuses to run as root unasked, and refuses more
# ranks than cores unasked.
mpirun_options() {
  local ranks=$1
  ! is_root || echo --allow-run-as-root
  [ "$ranks" -le "$(usable_cores)" ] || echo --oversubscribe
  printf '%s\n' -np "$ranks"
}

# Parallel jobs of a build: JOBS, or one a usable hardware thread.
build_jobs() { echo "${JOBS:-$(nproc)}"; }

# build_preset NAME [TARGET...]: configures and builds, quietly unless it fails or a terminal watches.
build_preset() {
  local preset=$1 log=build/$1.log
  shift
  mkdir -p build
  if ! cmake --preset "$preset" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    die 1 "configuring build/$preset failed; the whole log is $log"
  fi
  if [ -t 1 ]; then
    cmake --build --preset "$preset" -j "$(build_jobs)" ${1:+--target "$@"}
  elif ! cmake --build --preset "$preset" -j "$(build_jobs)" ${1:+--target "$@"} >>"$log" 2>&1; then
    grep -E -A 15 'FAILED:|error:' "$log" | head -n 80 >&2
    die 1 "building build/$preset failed; the whole log is $log"
  fi
}
