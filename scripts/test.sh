#!/usr/bin/env bash
# Installs what is missing, builds, runs every test, then those that the sanitizers watch, and sums up.
#
# usage: scripts/test.sh [dev] [asan-ubsan] [tsan] [asan-ubsan-all]
#
#   without a name, the first three, one after the other
#   dev             every test
#   asan-ubsan      the unit tests under the address and undefined-behaviour sanitizers
#   tsan            those of them that use threads, under the thread sanitizer; it does not know MPI's own threads
#   asan-ubsan-all  every test, also those that start the program with mpirun, but for leaks, of which MPI has many
#
# JOBS=N limits compilers and tests at work at once (all cores).
. "$(dirname "$0")/lib.sh"

presets=()
for preset in "$@"; do
  case $preset in
    -h | --help) print_help; exit 0 ;;
    dev | asan-ubsan | tsan | asan-ubsan-all) presets+=("$preset") ;;
    *) die $kUsage "no preset '$preset' to test; see --help" ;;
  esac
done
[ ${#presets[@]} -gt 0 ] || presets=(dev asan-ubsan tsan)

began=$SECONDS
scripts/install_dependencies.sh build test

passed=0 failed=0 summary=()
for preset in "${presets[@]}"; do
  start=$SECONDS
  heading "$preset: building"
  build_preset "${preset%-all}"
  built=$((SECONDS - start))
  heading "$preset: testing"
  log=build/$preset-tests.log
  code=0
  ctest --preset "$preset" --parallel "$(build_jobs)" 2>&1 | tee "$log" || code=$?
  # "98% tests passed, 3 tests failed out of 200"
  read -r bad all < <(sed -nE 's/.* ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log") || true
  [ -n "${all:-}" ] || bad=1 all=1
  [ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1  # ctest itself failed
  failed=$((failed + bad))
  passed=$((passed + all - bad))
  summary+=("$(printf '%-11s %4d passed, %d failed; built in %d s, tested in %d s' "$preset" $((all - bad)) "$bad" \
    $built $((SECONDS - start - built)))")
  unset bad all
done

heading "summary, after $((SECONDS - began)) s on $(nproc) cores"
printf '%s\n' "${summary[@]}"
[ $failed -eq 0 ] || say "the failed tests are named above and in build/*-tests.log"
say "$passed passed, $failed failed"
[ $failed -eq 0 ]
