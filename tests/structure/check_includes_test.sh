#!/usr/bin/env bash
# Shows that check_includes.sh finds what it is there to find, and lets pass what is right.
set -uo pipefail
check=$(dirname "$(realpath "$0")")/check_includes.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
passed=0 failed=0

# expect FILE LINE BREACH: a file with this one line leads to this breach; no BREACH, to none.
expect() {
  local file=$1 line=$2 breach=${3:-} said code=0 text=
  rm -rf "${tree:?}"/*
  mkdir -p "$tree/$(dirname "$file")"
  [[ $file != *.h ]] || text=$'#pragma once\n'
  printf '%s%s\n' "$text" "$line" >"$tree/$file"
  said=$(bash "$check" "$tree") || code=$?
  if { [ -n "$breach" ] && [ $code -ne 0 ] && [[ $said == "$file:"*"$breach"* ]]; } ||
    { [ -z "$breach" ] && [ $code -eq 0 ] && [ -z "$said" ]; }; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf "%s with '%s': ended with %s, saying '%s'; expected '%s'\n" "$file" "$line" $code "$said" "$breach"
  fi
}

for upper in layers comm launcher; do
  expect core/cpu/a.h "#include \"$upper/b.h\"" "core/ must not include $upper/"
done
expect layers/a.cpp '#include "comm/b.h"' 'layers/ must not include comm/'
expect layers/a.cpp '#include "launcher/b.h"' 'layers/ must not include launcher/'
expect comm/a.cpp '#include "layers/b.h"' 'comm/ must not include layers/'
expect comm/a.cpp '  #  include "launcher/b.h"  // why' 'comm/ must not include launcher/'
expect launcher/a.cpp '#include "tests/support/b.h"' 'launcher/ must not include tests/'
expect core/a.cpp '#include "b.h"' 'start at the repository root'
expect core/a.cpp '#include "../core/b.h"' 'start at the repository root'
expect launcher/a.cpp '#include <mpi.h>' 'only comm/ may include MPI'
expect core/data/a.cpp '#include <yaml-cpp/yaml.h>' 'only core/config/ may include yaml-cpp'
expect core/cpu/native/a.cpp '#include <oneapi/dnnl/dnnl.hpp>' 'may include oneDNN'
expect core/cpu/native/a.cpp '#include <dnnl.hpp>' 'oneDNN'
expect layers/a.cpp '#include <cblas.h>' 'only core/cpu/openblas/ may include OpenBLAS'
expect core/cpu/a.cpp '#include <cuda_runtime.h>' 'may include CUDA'
expect comm/mpi_communicator.cpp '#include <nccl.h>' 'may include NCCL'
expect tests/core/a.cpp '#include <mpi.h>' 'only comm/ may include MPI'
expect core/cuda/kernels/a.cu 'add<<<1, 256>>>(x);' 'only core/cuda/launch.h may say <<<'
expect core/cuda/kernels/a.cu '__global__ void add(float* x);' 'may say __global__'
expect core/math.h '#if defined(__CUDACC__)' 'may say __CUDACC__'
expect tests/core/cuda/a.cpp '#ifdef __CUDA_ARCH__' 'may say __CUDA_ARCH__'

for lower in core layers comm launcher; do expect launcher/a.cpp "#include \"$lower/b.h\""; done
expect layers/a.h '#include "core/b.h"'
expect comm/a.h '#include "core/b.h"'
expect comm/a.cpp '#include <mpi.h>'
expect comm/nccl_communicator.cpp '#include <nccl.h>'
expect core/config/yaml.cpp '#include <yaml-cpp/yaml.h>'
expect core/cpu/onednn/a.cpp '#include <oneapi/dnnl/dnnl.hpp>'
expect core/cpu/openblas/a.cpp '#include <cblas.h>'
expect core/cuda/a.cu '#include <cuda_runtime.h>'
expect core/cuda/nccl_version.cpp '#include <nccl.h>'
expect core/cuda/launch.h '#if defined(__CUDACC__)'
expect core/a.cpp 'return x << 3;'
expect tests/comm/a.cpp '#include <mpi.h>'
expect core/a.cpp '// #include "comm/b.h" would be wrong here'

rm -rf "${tree:?}"/*
mkdir "$tree/core"
printf '#ifndef A_H\n#define A_H\n#endif\n' >"$tree/core/a.h"
if said=$(bash "$check" "$tree") || [[ $said != 'core/a.h:1: no #pragma once' ]]; then
  failed=$((failed + 1))
  echo "a header without #pragma once: '$said'"
else
  passed=$((passed + 1))
fi
printf '%s passed, %s failed\n' $passed $failed
[ $failed -eq 0 ]
