#!/usr/bin/env bash
# OpenBLAS gets the kernels of the processor, or those that the user names, and counts only where it computes something.
. "$(dirname "$0")/lib.sh"
unset OPENBLAS_CORETYPE  # what this shell's user has chosen
write_config

# The fingerprint of a run on so many ranks with the dense layers' products from a provider.
openblas_of() { # ranks provider
  local dir=run-$RANDOM
  ranks "$1" train everything.yaml -q --run-dir "$dir" --set train.epochs=1 \
    --set "train.kernels={dense_1: $2}"
  sed -n '/"event":"start"/{s/.*"openblas":"\([A-Za-z]*\)".*/\1/p}' "$dir/metrics.jsonl"
}

grep -q avx512dq /proc/cpuinfo && newest=1 || newest=0
if [ "$newest" = 1 ]; then
  core=$(openblas_of 1 openblas)
  expect_match "OpenBLAS' kernels for AVX-512" "$core" '^(SkylakeX|Cooperlake|SapphireRapids)$'
  expect_equal "OpenBLAS' kernels on two ranks" "$(openblas_of 2 openblas)" "$core"
fi
expect_equal "OpenBLAS' kernels that the user names" "$(OPENBLAS_CORETYPE=Prescott openblas_of 1 openblas)" Prescott
expect_equal "OpenBLAS' kernels that compute nothing" "$(openblas_of 1 native)" ""

# Ranks whose OpenBLAS differs are told what to do about that.
both=(-np 1 -x OPENBLAS_CORETYPE=Prescott "$convoy" train everything.yaml --run-dir unequal --set 'train.kernels={dense_1: openblas}')
code=0
# shellcheck disable=SC2046
text=$(timeout 100 mpirun $(mpirun_options 1) --bind-to none "${both[@]:2}" : "${both[@]/Prescott/Nehalem}" 2>&1) || code=$?
expect_equal "exit code of ranks whose OpenBLAS differs" "$code" 2
expect_match "ranks whose OpenBLAS differs" "$text" 'openblas.*mpirun -x OPENBLAS_CORETYPE='
finish
