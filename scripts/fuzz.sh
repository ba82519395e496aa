#!/usr/bin/env bash
# Runs every fuzz target of the module, each for the time given, with its kept corpus
# first: fuzz.sh [20s [PATTERN]], of those whose package and name match the pattern.
# JOBS of them run at once (default: the number of processors), each with one worker.
# FUZZFLAGS are more flags for go test. It tells how often each target was executed,
# and fails if one finds something, which lies in testdata/fuzz of its package then.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

go="${GO:-go}"
each="${1:-20s}"
only="${2:-.}"
jobs="${JOBS:-$(nproc)}"

targets="$(grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*\(' . | sed -E 's,^(.*)/[^/]*:func (.*)\($,\1 \2,' | grep -E -- "$only" | sort || true)"
if [[ -z "$targets" ]]; then
	echo "fuzz.sh: no fuzz target found" >&2
	exit 1
fi

logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT

# file PACKAGE NAME is where what a target says goes.
file() { echo "$logs/${1//\//-} $2"; }

# time_over LOG: all that go test complained of is that its own time was over. Up to Go
# 1.26 its coordinator now and then takes that for a failure of the target, without an
# input that fails (https://go.dev/issue/75804, mended in 1.27).
time_over() {
	! grep -q 'Failing input written' "$1" &&
		[[ "$(sed -n '/^--- FAIL: /,/^FAIL$/p' "$1" | sed '1d;$d')" == "    context deadline exceeded" ]]
}

# fuzz PACKAGE NAME leaves the number of executions in a file, if nothing was found.
fuzz() {
	local log status=0 executions
	log="$(file "$1" "$2")"
	# shellcheck disable=SC2086 # FUZZFLAGS are words
	"$go" test -run '^$' -fuzz "^$2\$" -fuzztime "$each" -fuzzminimizetime 1s -parallel 1 ${FUZZFLAGS:-} "$1" </dev/null >"$log" 2>&1 || status="$?"
	# fuzz: elapsed: 20s, execs: 314159 (15707/sec), new interesting: 2 (total: 65)
	executions="$(sed -nE 's/^fuzz: elapsed: .*, execs: ([0-9]+) .*/\1/p' "$log" | tail -n 1)"
	executions="${executions:-0}"
	printf '%-40s %12d executions in %s\n' "$1 $2" "$executions" "$each"
	if [[ "$executions" != 0 ]] && { [[ "$status" == 0 ]] || time_over "$log"; }; then
		echo "$executions" >"$log.passed"
	else
		cat "$log"
	fi
}

while read -r package name; do
	while (($(jobs -rp | wc -l) >= jobs)); do
		wait -n
	done
	fuzz "$package" "$name" &
done <<<"$targets"
wait

count=0
total=0
failed=()
while read -r package name; do
	count=$((count + 1))
	passed="$(file "$package" "$name").passed"
	if [[ -f "$passed" ]]; then
		total=$((total + $(<"$passed")))
	else
		failed+=("$package $name")
	fi
done <<<"$targets"

if ((${#failed[@]} > 0)); then
	echo "fuzz.sh: $count targets, $total executions; something found, or not run: ${failed[*]}" >&2
	exit 1
fi
echo "$count fuzz targets, $total executions, nothing found"
