#!/usr/bin/env bash
# Checks which file includes what: core knows nothing of layers, comm and launcher; layers and comm know core and never
# each other; launcher knows all. Libraries with a face of their own are seen by one folder each, and only
# core/cuda/launch.h knows how nvcc compiles, so that all else also compiles as C++. Prints a line for each breach and
# fails if there is one.
# usage: check_includes.sh [REPOSITORY]
set -euo pipefail
cd "${1:-$(dirname "$0")/../..}"
folders=()
for folder in core layers comm launcher tests; do [ ! -d $folder ] || folders+=("$folder"); done
find "${folders[@]}" -type f \( -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' \) -print0 | sort -z |
  xargs -0 -r awk '
    function breach(message) { printf "%s:%d: %s\n", FILENAME, FNR, message; breaches++ }

    # Only files whose path begins with one of these may include the header.
    function only(header_pattern, homes, library,    home) {
      if (header !~ header_pattern) return
      home = FILENAME
      sub(/^tests\//, "", home)
      if (home !~ "^(" homes ")") breach("only " homes " may include " library ": " header)
    }

    function close_file() {
      if (last_file ~ /\.(h|cuh)$/ && !saw_pragma) { printf "%s:1: no #pragma once\n", last_file; breaches++ }
    }

    BEGIN {
      may["core"] = "core"
      may["layers"] = "core layers"
      may["comm"] = "core comm"
      may["launcher"] = "core layers comm launcher"
      may["tests"] = "core layers comm launcher tests"
    }
    FNR == 1 { close_file(); last_file = FILENAME; saw_pragma = 0; folder = FILENAME; sub(/\/.*/, "", folder) }
    /^#pragma once/ { saw_pragma = 1 }
    /^[ \t]*#[ \t]*include[ \t]*[<"]/ {
      quoted = $0 ~ /include[ \t]*"/
      header = $0
      sub(/^[^<"]*[<"]/, "", header)
      sub(/[>"].*$/, "", header)
      if (quoted) {
        from = header
        sub(/\/.*/, "", from)
        if (!(from in may)) breach("includes start at the repository root: \"" header "\"")
        else if (index(" " may[folder] " ", " " from " ") == 0) breach(folder "/ must not include " from "/: \"" header "\"")
      }
      only("^mpi", "comm/", "MPI")
      only("^yaml-cpp/", "core/config/", "yaml-cpp")
      only("^(oneapi/)?dnnl", "core/cpu/onednn/", "oneDNN")
      only("^(cblas|openblas|f77blas)", "core/cpu/openblas/", "OpenBLAS")
      only("^(cuda|cublas|cudnn|device_launch)", "core/cuda/|comm/nccl|support/fake_cuda/", "CUDA")
      only("^nccl", "core/cuda/|comm/nccl|support/fake_cuda/", "NCCL")
    }
    FILENAME != "core/cuda/launch.h" && match($0, /<<<|__global__|__CUDACC__|__CUDA_ARCH__/) {
      breach("only core/cuda/launch.h may say " substr($0, RSTART, RLENGTH))
    }
    END {
      close_file()
      exit breaches > 0
    }'
