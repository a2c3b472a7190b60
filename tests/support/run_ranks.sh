#!/usr/bin/env bash
# Runs a program as ranks of one machine, as root or not, on as few cores as there are.
# usage: run_ranks.sh RANKS PROGRAM [ARGUMENT...]
directory=$PWD
. "$(dirname "$(realpath "$0")")/../../scripts/lib.sh"
cd "$directory"
ranks=$1
shift
mapfile -t options < <(mpirun_options "$ranks")
# Unbound: a machine's tests run side by side, and mpirun would bind all of them to the first cores.
exec mpirun "${options[@]}" --bind-to none "$@"
