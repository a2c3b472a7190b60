#!/usr/bin/env bash
# Tests of scripts/get_data.sh against a badly behaved web server on this machine.
# usage: get_data_test.sh REPOSITORY HTTP_SERVER
set -uo pipefail
repository=$1 server=$2
get_data=$repository/scripts/get_data.sh
temporary=$(mktemp -d)
trap 'kill "$server_pid" 2>/dev/null; rm -rf "$temporary"' EXIT
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# An archive like CIFAR-10's: the files of the right sizes but empty, and enough noise for a connection to be cut in.
mkdir -p "$temporary/www" "$temporary/make/cifar-10-batches-bin"
(
  cd "$temporary/make"
  truncate -s 30730000 cifar-10-batches-bin/{data_batch_{1,2,3,4,5},test_batch}.bin
  head -c 250000 /dev/urandom >cifar-10-batches-bin/readme.html
  tar -S -czf ../www/good.tar.gz cifar-10-batches-bin
  rm cifar-10-batches-bin/data_batch_3.bin
  tar -S -czf ../www/hollow.tar.gz cifar-10-batches-bin
)
head -c 300000 /dev/urandom >"$temporary/www/other.tar.gz"
hash=$(sha256sum "$temporary/www/good.tar.gz" | cut -d ' ' -f 1)

"$server" "$temporary/www" "$temporary/port" "$temporary/requests" &
server_pid=$!
for _ in $(seq 100); do [ -e "$temporary/port" ] || sleep 0.05; done
address=http://127.0.0.1:$(cat "$temporary/port")

passed=0 failed=0
fail() {
  printf '    %s\n' "$*"
  ok=false
}

# run NAME CODE URL [OPTION...]: get_data.sh ends with CODE; $said is what it printed.
run() {
  local expected=$1 url=$2 code=0
  shift 2
  : >"$temporary/requests"
  said=$("$get_data" cifar10 --dest "$data" --url "$url" --sha256 "$hash" "$@" 2>&1) || code=$?
  [ $code -eq "$expected" ] || fail "ended with $code rather than $expected, saying: $said"
  [ -z "$(find "$data" -maxdepth 1 -name '.get_data.*')" ] || fail "left a temporary folder behind"
}
says() { [[ $said == *"$1"* ]] || fail "did not say '$1' but: $said"; }
asked() { grep -qx "$1" "$temporary/requests" || fail "did not ask for '$1' but: $(cat "$temporary/requests")"; }
is_there() { [ "$(stat -c %s "$data/cifar-10-batches-bin/test_batch.bin" 2>/dev/null)" = 30730000 ] || fail "no data"; }
is_not_there() { [ ! -e "$data/cifar-10-batches-bin" ] || fail "there is data"; }
no_archive() { [ -z "$(find "$data" -maxdepth 1 -name '*.part')" ] || fail "left the archive behind"; }

downloads_checks_and_unpacks() {
  run 0 "$address/plain/good.tar.gz"
  is_there
  no_archive
  run 0 "$address/plain/good.tar.gz"
  says "is there already"
  [ ! -s "$temporary/requests" ] || fail "asked the server again"
}

resumes_a_cut_connection() {
  run 0 "$address/cut/good.tar.gz"
  says "the connection was cut after 100000 bytes; resuming"
  asked "/cut/good.tar.gz 100000"
  asked "/cut/good.tar.gz 200000"
  is_there
}

keeps_what_came_and_resumes_in_the_next_run() {
  run 4 "$address/lost/good.tar.gz"
  says "the 100000 bytes that came are kept"
  is_not_there
  run 0 "$address/plain/good.tar.gz"
  asked "/plain/good.tar.gz 100000"
  is_there
  no_archive
}

starts_over_where_the_server_cannot_resume() {
  run 4 "$address/lost/good.tar.gz"
  run 0 "$address/norange/good.tar.gz"
  is_there
}

starts_over_from_bytes_of_another_file() {
  mkdir -p "$data"
  head -c 1000 /dev/zero >"$data/good.tar.gz.part"
  run 0 "$address/plain/good.tar.gz"
  says "does not check out; downloading it afresh"
  is_there
}

starts_over_from_a_longer_file() {
  mkdir -p "$data"
  head -c 1000000 /dev/zero >"$data/good.tar.gz.part"
  run 0 "$address/plain/good.tar.gz"
  is_there
}

asks_for_nothing_where_the_archive_is_whole_already() {
  mkdir -p "$data"
  cp "$temporary/www/good.tar.gz" "$data/good.tar.gz.part"
  run 0 "$address/plain/good.tar.gz"
  [ ! -s "$temporary/requests" ] || fail "asked the server"
  is_there
}

refuses_a_wrong_hash() {
  run 3 "$address/plain/other.tar.gz"
  says "its SHA-256 is $(sha256sum "$temporary/www/other.tar.gz" | cut -d ' ' -f 1), and $hash was expected"
  is_not_there
  no_archive
}

refuses_an_archive_without_its_files() {
  hash=$(sha256sum "$temporary/www/hollow.tar.gz" | cut -d ' ' -f 1)
  run 3 "$address/plain/hollow.tar.gz"
  says "does not hold the files that it should"
  is_not_there
}

says_that_a_server_does_not_have_it() {
  run 4 "$address/plain/missing.tar.gz"
  says "404"
}

says_that_no_server_answers() {
  run 4 "http://127.0.0.1:1/good.tar.gz"
  says "could not download http://127.0.0.1:1/good.tar.gz"
}

moves_a_damaged_data_set_aside() {
  mkdir -p "$data/cifar-10-batches-bin"
  echo mine >"$data/cifar-10-batches-bin/test_batch.bin"
  run 0 "$address/plain/good.tar.gz"
  says "was there but not whole"
  is_there
  grep -qx mine "$data"/cifar-10-batches-bin.incomplete-*/test_batch.bin || fail "the old files are gone"
}

lets_one_run_at_a_time_into_a_folder() {
  mkdir -p "$data"
  exec 8>"$data/.lock"
  flock 8
  run 3 "$address/plain/good.tar.gz"
  exec 8>&-
  says "another get_data.sh is at work"
}

understands_its_options() {
  run 2 "$address/plain/good.tar.gz" cifar100
  says "one data set at a time"
  run 2 "$address/plain/good.tar.gz" --dist
  says "unknown option '--dist'"
}

for case in downloads_checks_and_unpacks resumes_a_cut_connection keeps_what_came_and_resumes_in_the_next_run \
  starts_over_where_the_server_cannot_resume starts_over_from_bytes_of_another_file starts_over_from_a_longer_file \
  asks_for_nothing_where_the_archive_is_whole_already refuses_a_wrong_hash refuses_an_archive_without_its_files \
  says_that_a_server_does_not_have_it says_that_no_server_answers moves_a_damaged_data_set_aside \
  lets_one_run_at_a_time_into_a_folder understands_its_options; do
  ok=true data=$temporary/$case
  mkdir -p "$data"
  printf '  %s\n' "$case"
  good_hash=$hash
  $case
  hash=$good_hash
  if $ok; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  rm -rf "$data"
done
printf '%s passed, %s failed\n' $passed $failed
[ $failed -eq 0 ]
