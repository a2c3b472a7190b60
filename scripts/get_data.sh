#!/usr/bin/env bash
# Gets a data set, checks it and lays it where the configs look for it.
#
# usage: scripts/get_data.sh cifar10|cifar100|mnist|fashion-mnist [--dest DIR] [--url URL] [--sha256 HASH]
#
#   --dest DIR     where to put it (data)
#   --url URL      another address of the archive; for mnist, of the folder that holds the four files
#   --sha256 HASH  what that archive hashes to, where it differs from the official one; not for mnist
#
# A download that was cut is resumed, now and when the script runs again. Nothing is left half done: a data set appears
# under its name only once it is whole. fashion-mnist comes from Debian's package dataset-fashion-mnist.
# Exit codes: 0 the data set is there, 2 usage, 3 what arrived is not the data set, 4 it could not be downloaded.
. "$(dirname "$0")/lib.sh"

# download URL FILE: curl, resumed for as long as each try brings something new.
download() {
  local url=$1 file=$2 fruitless=0 before after code answer progress=--silent
  [ ! -t 2 ] || progress=--progress-bar
  while [ $fruitless -lt 2 ]; do
    before=$(size_of "$file")
    code=0
    answer=$(curl --fail --location $progress --connect-timeout 15 --speed-limit 1024 --speed-time 30 \
      --continue-at - --output "$file" --write-out '%{http_code} %{errormsg}' "$url") || code=$?
    after=$(size_of "$file")
    case $code,$answer in
      0,*) return 0 ;;
      6,* | 7,*) break ;;  # no such host, no connection: asking again at once is no use
      23,*) die $kData "cannot write $file: is the disk full?" ;;
      22,416* | 33,*) rm -f "$file"; after=0 ;;  # the server cannot go on from there: start over
    esac
    if [ "$after" -gt "$before" ]; then
      fruitless=0
      warn "the connection was cut after $after bytes; resuming"
    else
      fruitless=$((fruitless + 1))
      sleep 1
    fi
  done
  warn "could not download $url: ${answer#* }"
  [ "$after" -eq 0 ] || warn "the $after bytes that came are kept in $file; run this again to go on from there"
  return 1
}

size_of() { stat -Lc %s "$1" 2>/dev/null || echo 0; }
hash_of() { sha256sum "$1" 2>/dev/null | cut -d ' ' -f 1; }

# fetch URL HASH FILE: FILE is there, whole and with this hash, or the script ends.
fetch() {
  local url=$1 hash=$2 file=$3 resumed=false
  [ ! -s "$file" ] || resumed=true
  # What an earlier run left may be whole, the beginning of this file, or of another one.
  [ "$(hash_of "$file")" = "$hash" ] || download "$url" "$file" || exit $kNetwork
  if $resumed && [ "$(hash_of "$file")" != "$hash" ]; then
    warn "the resumed file does not check out; downloading it afresh"
    rm -f "$file"
    download "$url" "$file" || exit $kNetwork
  fi
  local got
  got=$(hash_of "$file")
  [ "$got" != "$hash" ] || return 0
  rm -f "$file"
  warn "what $url sent is not the data set: its SHA-256 is $got, and $hash was expected."
  die $kData "it was deleted. A proxy or a login page in between is the usual cause; else get the file by another way" \
    "and give its address: --url file:///path/to/$(basename "$url")"
}

# complete DIR NAME:SIZE...: whether DIR holds these files in these sizes.
complete() {
  local dir=$1 file
  shift
  for file in "$@"; do
    [ "$(size_of "$dir/${file%:*}")" = "${file#*:}" ] || return 1
  done
}

# publish DIR TARGET NAME:SIZE...: DIR, if complete, becomes TARGET in one step.
publish() {
  local dir=$1 target=$2
  shift 2
  complete "$dir" "$@" || die $kData "the archive does not hold the files that it should; $target was not made"
  if [ -e "$target" ]; then
    local aside
    aside=$target.incomplete-$(date +%Y%m%d-%H%M%S)
    warn "$target was there but not whole; it is now $aside"
    mv -T "$target" "$aside"
  fi
  sync -f "$dir"
  mv -T "$dir" "$target"
}

# An archive with one folder in it.
get_archive() {
  local target=$dest/$1 address=${url:-$2} hash=${sha256:-$3} archive
  shift 3
  archive=$dest/$(basename "$address").part
  say "downloading $address"
  fetch "$address" "$hash" "$archive"
  say "unpacking"
  mkdir "$work/unpacked"
  tar -xzf "$archive" -C "$work/unpacked" --no-same-owner || die $kData "$archive cannot be unpacked: is the disk full?"
  publish "$work/unpacked/$(basename "$target")" "$target" "$@"
  rm -f "$archive"
}

get_mnist() {
  local target=$dest/mnist address=${url:-https://ossci-datasets.s3.amazonaws.com/mnist} name hash
  mkdir "$work/mnist"
  while read -r name hash; do
    say "downloading $address/$name.gz"
    fetch "$address/$name.gz" "$hash" "$dest/mnist-$name.gz.part"
    gzip -dc "$dest/mnist-$name.gz.part" >"$work/mnist/$name" || die $kData "$name.gz cannot be unpacked: is the disk full?"
  done <<'HASHES'
train-images-idx3-ubyte 440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609
train-labels-idx1-ubyte 3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c
t10k-images-idx3-ubyte 8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6
t10k-labels-idx1-ubyte f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6
HASHES
  publish "$work/mnist" "$target" "$@"
  rm -f "$dest"/mnist-*-ubyte.gz.part
}

# From Debian's package; where it is not installed and cannot be, from the package's file alone.
get_fashion_mnist() {
  local target=$dest/fashion-mnist from=/usr/share/datasets/fashion-mnist name
  if [ ! -d $from ] && ! (cd "$work" && apt-get download -qq -o APT::Sandbox::User=root dataset-fashion-mnist \
    >"$work/apt.err" 2>&1 && dpkg-deb -x dataset-fashion-mnist_*.deb .); then
    scripts/install_dependencies.sh dataset-fashion-mnist || exit $kNetwork
  fi
  [ -d $from ] || from=$work$from
  [ -d "$from" ] || die $kNetwork "Fashion-MNIST comes from Debian's package dataset-fashion-mnist, which is not here"
  mkdir "$work/fashion-mnist"
  for name in "$@"; do
    name=${name%:*}
    gzip -dc "$from/$name.gz" >"$work/fashion-mnist/$name" || die $kData "$from/$name.gz cannot be unpacked"
  done
  publish "$work/fashion-mnist" "$target" "$@"
}

dest=data url= sha256= name=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) print_help; exit 0 ;;
    --dest | --url | --sha256)
      [ $# -ge 2 ] || die $kUsage "$1 takes a value; see --help"
      declare "${1#--}=$2"
      shift
      ;;
    -*) die $kUsage "unknown option '$1'; see --help" ;;
    *) [ -z "$name" ] || die $kUsage "one data set at a time; see --help"; name=$1 ;;
  esac
  shift
done

idx_files=(train-images-idx3-ubyte:47040016 train-labels-idx1-ubyte:60008
           t10k-images-idx3-ubyte:7840016 t10k-labels-idx1-ubyte:10008)
case $name in
  cifar10)
    get=(get_archive cifar-10-batches-bin https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz
         c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd)
    folder=cifar-10-batches-bin
    files=({data_batch_{1,2,3,4,5},test_batch}.bin:30730000)
    ;;
  cifar100)
    get=(get_archive cifar-100-binary https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz
         58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec)
    folder=cifar-100-binary
    files=(train.bin:153700000 test.bin:30740000)
    ;;
  mnist) get=(get_mnist) folder=mnist files=("${idx_files[@]}") ;;
  fashion-mnist) get=(get_fashion_mnist) folder=fashion-mnist files=("${idx_files[@]}") ;;
  '') die $kUsage "which data set? cifar10, cifar100, mnist or fashion-mnist; see --help" ;;
  *) die $kUsage "no data set '$name'; there are cifar10, cifar100, mnist and fashion-mnist" ;;
esac
[[ $dest = /* ]] || dest=$start_directory/$dest

[ "$name" = mnist ] && [ -n "$sha256" ] && die $kUsage "mnist is four files; --sha256 is not for it"

if complete "$dest/$folder" "${files[@]}"; then
  say "$dest/$folder is there already"
  exit 0
fi
mkdir -p "$dest" || die $kData "cannot make $dest"
exec 9>"$dest/.lock"
flock -n 9 || die $kData "another get_data.sh is at work in $dest; wait for it"
work=$(mktemp -d "$dest/.get_data.XXXXXX")
trap 'rm -rf "$work"' EXIT
"${get[@]}" "${files[@]}"
say "$dest/$folder is ready"
