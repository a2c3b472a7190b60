#!/usr/bin/env bash
# From a fresh clone to a trained network: installs what is missing, builds, gets data, trains with one rank a core and
# measures the accuracy on pictures that the network has never seen.
#
# usage: scripts/quickstart.sh [--epochs N]
#
#   --epochs N  passes over the training data; the default is as many as show that it works. A larger N goes on from
#               where an earlier quickstart ended.
#
# The data is CIFAR-10, downloaded unless it is in data/ already; where the network does not reach it, Fashion-MNIST
# from Debian's own package. Running this again does no harm: what is done already is not done twice.
. "$(dirname "$0")/lib.sh"

epochs=
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) print_help; exit 0 ;;
    --epochs) [ $# -ge 2 ] || die $kUsage "--epochs takes a number"; epochs=$2; shift ;;
    --epochs=*) epochs=${1#*=} ;;
    *) die $kUsage "unknown argument '$1'; see --help" ;;
  esac
  shift
done
[[ -z $epochs || $epochs =~ ^[1-9][0-9]{0,5}$ ]] || die $kUsage "--epochs takes a number from 1 to 999999, not '$epochs'"

heading "1/4 packages"
scripts/install_dependencies.sh build
say "all there"

heading "2/4 building"
build_preset release
convoy=build/release/bin/convoy
say "$convoy is ready"

heading "3/4 data"
code=0
scripts/get_data.sh cifar10 || code=$?
if [ $code -eq 0 ]; then
  # slices: how many ranks can share a batch of this config.
  config=configs/cifar10-cnn.yaml slices=4 enough=4
elif [ $code -eq $kNetwork ] || [ $code -eq $kData ]; then
  say "CIFAR-10 could not be had, so this trains on Fashion-MNIST instead: pictures of clothes, from Debian's own package."
  scripts/get_data.sh fashion-mnist
  config=configs/fashion-mnist-cnn.yaml slices=8 enough=3
else
  exit $code
fi

name=$(basename "$config" .yaml)
epochs=${epochs:-$enough}
cores=$(usable_cores)
ranks=$((cores < slices ? cores : slices))
mapfile -t options < <(mpirun_options "$ranks")

heading "4/4 training $config for $epochs $([ "$epochs" -eq 1 ] && echo epoch || echo epochs) on $ranks of $cores cores"
say "+ mpirun ${options[*]} $convoy train $config --set train.epochs=$epochs"
code=0
mpirun "${options[@]}" $convoy train "$config" --set train.epochs="$epochs" || code=$?
# mpirun has a code of its own for ranks that it was told to stop.
if [ $code -eq 75 ] || { [ $code -ne 0 ] && tail -n 1 "runs/$name/log.txt" 2>/dev/null | grep -q 'stopped on request'; }; then
  say "stopped, and everything is saved: run this again to go on"
  exit 75
fi
[ $code -eq 0 ] || die $code "training failed; the lines above say why. README.md has a section on trouble"

heading "how it does on the test pictures"
mpirun "${options[@]}" $convoy evaluate "runs/$name"

cat <<END

The run is in runs/$name. What to try next:
  scripts/quickstart.sh --epochs $((epochs < 10 ? 10 : 2 * epochs))                 train on from here
  $convoy summary $config     the layers, their shapes and sizes
  $convoy predict runs/$name --images PICTURE.png --output logits.npy
  $convoy train configs/shapes-cnn.yaml --set optimizer.adam.learning_rate=3e-4
Copy $config, change it, and train it: README.md walks through it.
END
