#!/usr/bin/env bash
# Installs the Debian packages that Convoy needs and that are not there yet.
#
# usage: scripts/install_dependencies.sh [build] [test] [check] [PACKAGE...]
#
#   build   what building and running takes (the default)
#   test    what the tests take besides
#   check   clang-format and clang-tidy, for scripts/check.sh
#
# Runs as root, or asks sudo. Says nothing where nothing is missing.
. "$(dirname "$0")/lib.sh"

build_packages=(
  g++ cmake ninja-build pkg-config     # the tool chain
  libopenmpi-dev openmpi-bin           # ranks
  libopenblas-dev                      # matrix products
  libdnnl-dev ocl-icd-opencl-dev       # convolutions; without the second, CMake does not find the first
  libyaml-cpp-dev nlohmann-json3-dev   # configs; JSON
  libcli11-dev libfmt-dev libspdlog-dev
  librandom123-dev                     # counter-based random numbers
  libssl-dev                           # SHA-256
  zlib1g-dev libpng-dev libjpeg-dev    # data sets and pictures
  curl ca-certificates                 # data from the network
)
test_packages=(libgtest-dev libgmock-dev)
check_packages=(clang-format clang-tidy git)

wanted=()
[ $# -gt 0 ] || set -- build
for group in "$@"; do
  case $group in
    -h | --help) print_help; exit 0 ;;
    build) wanted+=("${build_packages[@]}") ;;
    test) wanted+=("${test_packages[@]}") ;;
    check) wanted+=("${check_packages[@]}") ;;
    -*) die $kUsage "unknown option '$group'; see --help" ;;
    *) wanted+=("$group") ;;
  esac
done

if ! have dpkg-query || ! have apt-get; then
  warn "this is no Debian, so nothing was installed. Convoy needs the equivalents of these Debian packages:"
  warn "  ${wanted[*]}"
  warn "going on as if they were there"
  exit 0
fi

missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300)
say "installing Debian packages: ${missing[*]}"
code=0
as_root "${apt[@]}" update >"$log" 2>&1 || code=$?
if [ $code -eq 126 ]; then
  die 1 "these packages are missing and installing them takes root: run this script as root, or with sudo set up for" \
    "$(id -un), or ask an administrator for: apt-get install ${missing[*]}"
fi
# A failed update need not matter: the lists that are there may do.
if ! as_root "${apt[@]}" install --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
  grep -E '^(E|W|Err)' "$log" >&2 || tail -n 20 "$log" >&2
  die 1 "apt-get could not install ${missing[*]}; is there a network, and are Debian's sources in /etc/apt?"
fi
