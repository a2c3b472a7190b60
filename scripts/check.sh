#!/usr/bin/env bash
# Checks the sources without running them: which file includes what, the format, and on request clang-tidy.
#
# usage: scripts/check.sh [--fix] [--tidy] [FILE...]
#
#   --fix    format the files rather than complain
#   --tidy   run clang-tidy too, over the files that differ from the branch main unless FILEs are named; it reads
#            build/dev/compile_commands.json, so the preset dev has to be configured
#   FILE...  only these files (all)
. "$(dirname "$0")/lib.sh"

fix=false tidy=false files=()
for argument in "$@"; do
  case $argument in
    -h | --help) print_help; exit 0 ;;
    --fix) fix=true ;;
    --tidy) tidy=true ;;
    -*) die $kUsage "unknown option '$argument'; see --help" ;;
    *) files+=("$(realpath --relative-to=. "$start_directory/$argument")") ;;
  esac
done
scripts/install_dependencies.sh check

sources=('*.h' '*.cpp' '*.cu')
failed=0
if [ ${#files[@]} -eq 0 ]; then
  mapfile -t formatted < <(git ls-files --cached --others --exclude-standard -- "${sources[@]}")
else
  formatted=("${files[@]}")
fi

heading "includes"
tests/structure/check_includes.sh && say "ok" || failed=1

heading "format of ${#formatted[@]} files"
if $fix; then
  clang-format -i "${formatted[@]}"
else
  clang-format --dry-run --Werror "${formatted[@]}" || { failed=1; say "scripts/check.sh --fix formats them"; }
fi

if $tidy; then
  [ -e build/dev/compile_commands.json ] || die 1 "no build/dev/compile_commands.json; configure it: cmake --preset dev"
  if [ ${#files[@]} -eq 0 ]; then
    mapfile -t files < <(
      git diff --name-only --diff-filter=d "$(git merge-base HEAD main)" -- '*.cpp'
      git ls-files --others --exclude-standard -- '*.cpp'
    )
  fi
  heading "clang-tidy of ${#files[@]} files"
  [ ${#files[@]} -eq 0 ] || printf '%s\0' "${files[@]}" |
    xargs -0 -n 1 -P "$(build_jobs)" clang-tidy -p build/dev --quiet 2> >(grep -v 'warnings generated' >&2) || failed=1
fi

heading "$([ $failed -eq 0 ] && echo "all checks passed" || echo "some checks failed")"
exit $failed
