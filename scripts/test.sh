#!/usr/bin/env bash
# Installs what is missing, builds, runs every test, then those that the sanitizers watch, and sums up.
#
# usage: scripts/test.sh [dev] [asan-ubsan] [tsan]
#
#   without a name, all three presets, one after the other
#
# JOBS=N limits compilers and tests at work at once (all cores).
. "$(dirname "$0")/lib.sh"

presets=()
for preset in "$@"; do
  case $preset in
    -h | --help) print_help; exit 0 ;;
    dev | asan-ubsan | tsan) presets+=("$preset") ;;
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
  build_preset "$preset"
  built=$((SECONDS - start))
  heading "$preset: testing"
  log=build/$preset-tests.log
  code=0
  ctest --preset "$preset" --parallel "$(build_jobs)" 2>&1 | tee "$log" || code=$?
  # "98% tests passed, 3 tests failed out of 200"
  read -r bad all < <(sed -nE 's/.* ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log") || true
  if [ -z "${all:-}" ]; then
    bad=1 all=1
    [ $code -ne 0 ] || code=1
  fi
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
