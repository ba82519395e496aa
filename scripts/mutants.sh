#!/usr/bin/env bash
# Seeded bugs: each patch of scripts/mutants breaks one thing that a promise stands on, and names the test that must
# fail for it. Each is put into a copy of the tree, which is thrown away; what is not committed is in it, too.
#
#   scripts/mutants.sh                  all of them
#   scripts/mutants.sh bell reader-     those whose names begin so
#   scripts/mutants.sh -check           only whether every patch still applies; takes a second
#   scripts/mutants.sh -v NAME          with what the test says
#
# A mutant counts as caught when the test that it names passes without it, and fails with it: by an assertion, by a panic,
# or because it does not end. One that does not apply or does not build is an error, and so is one that survives.
#
# Needs git (to apply patches) beside Go. GO, JOBS (default: as many as there are processors) and KEEP=1 (keeps what was
# made and said) are variables.
#
# A patch begins with what is to be known of it:
#
#   Breaks: what is wrong with it
#   Promise: the number of the guarantee in README.md that does not hold with it
#   Test: package and test, as in ./ring TestPinBudget
#   Tags: build tags (optional)
#   Within: seconds that the test may take (optional, 60 if absent); a test that hangs with the mutant is given few
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

GO=${GO:-go}
JOBS=${JOBS:-$(getconf _NPROCESSORS_ONLN)}
export GO CGO_ENABLED=0

check= verbose=
while [[ "${1:-}" == -* ]]; do
	case "$1" in
	-check) check=1 ;;
	-v) verbose=1 ;;
	*)
		echo "usage: scripts/mutants.sh [-check] [-v] [NAME...]" >&2
		exit 2
		;;
	esac
	shift
done

names=()
for patch in scripts/mutants/*.patch; do
	name=$(basename "$patch" .patch)
	[[ $# == 0 ]] && names+=("$name")
	for prefix in "$@"; do
		[[ "$name" == "$prefix"* ]] && names+=("$name") && break
	done
done
if [[ ${#names[@]} == 0 ]]; then
	echo "mutants.sh: no mutant is called $*; see scripts/mutants" >&2
	exit 2
fi
command -v git >/dev/null || { echo "mutants.sh: needs git to apply patches" >&2; exit 2; }

work=$(mktemp -d)
if [[ "${KEEP:-0}" == 1 ]]; then
	echo "kept: $work"
else
	trap 'rm -rf "$work"' EXIT
fi
mkdir "$work/base" "$work/tmp" "$work/src"
tar -cf - --exclude=./.git --exclude=./bin --exclude=./out . | tar -xf - -C "$work/src"
cd "$work/src"
root=$PWD
# What tests make goes with the rest, also when one of them is killed.
export root work GIT_CEILING_DIRECTORIES="$work" TMPDIR="$work/tmp" SHMBUS_DIR="$work/tmp"

# field NAME KEY prints a line of the head of a patch.
field() { sed -n "/^--- a\//q; s/^$2: *//p" "$root/scripts/mutants/$1.patch"; }

# mutate NAME makes changed copies of the files that a patch touches, and the list by which the compiler takes them in
# place of the others (go build -overlay), so that several mutants can be built at the same time.
mutate() {
	local dir="$work/$1" file sep=
	mkdir -p "$dir/tree"
	for file in $(sed -n 's|^--- a/||p' "$root/scripts/mutants/$1.patch"); do
		mkdir -p "$dir/tree/$(dirname "$file")"
		cp "$root/$file" "$dir/tree/$file" || return 1
	done
	# Lines around a change that have changed themselves do not matter, so each change must be known by a line that it
	# takes away.
	if ! awk '/^(---|\+\+\+) /{next} /^@@/{if (n && !taken) exit 1; n++; taken = 0} /^-/{taken = 1} END{if (!taken) exit 1}' \
		"$root/scripts/mutants/$1.patch"; then
		echo "a hunk of the patch takes nothing away: it could be put anywhere" >"$dir/out"
		return 1
	fi
	(cd "$dir/tree" && git apply --recount -C0 "$root/scripts/mutants/$1.patch") >"$dir/out" 2>&1 || return 1
	printf '{"Replace": {' >"$dir/overlay.json"
	for file in $(sed -n 's|^--- a/||p' "$root/scripts/mutants/$1.patch"); do
		cmp -s "$root/$file" "$dir/tree/$file" && return 1
		printf '%s"%s": "%s"' "$sep" "$root/$file" "$dir/tree/$file" >>"$dir/overlay.json"
		sep=', '
	done
	printf '}}\n' >>"$dir/overlay.json"
}

# compile BINARY PACKAGE TAGS [FLAG...] builds the tests of a package.
compile() {
	local binary="$1" package="$2" tags="$3"
	shift 3
	(cd "$root" && "$GO" test -c -trimpath -vet=off -ldflags='-s -w' -tags "$tags" -o "$binary" "$@" "$package")
}

# run BINARY PACKAGE TEST SECONDS runs one test, in short form. The second bound is for one that does not even notice the
# first.
run() {
	local parts
	parts=$(sed 's|[^/][^/]*|^&$|g' <<<"$3")
	(cd "$root/$2" && timeout -k 5 "$(($4 + 10))" "$1" -test.v -test.short -test.count=1 -test.timeout="$4s" -test.run "$parts")
}

base() { printf '%s' "$work/base/$(tr -c 'a-z0-9' _ <<<"$1-$2")"; }

# without PACKAGE TAGS TEST SECONDS runs a test without any mutant.
without() {
	local binary out
	binary=$(base "$1" "$2")
	out="$binary.$(tr -c 'A-Za-z0-9' _ <<<"$3")"
	if run "$binary" "$1" "$3" "$4" >"$out" 2>&1 && grep -q "^=== RUN  *$3\$" "$out"; then
		touch "$out.passed"
	fi
}

# judge NAME leaves its verdict in $work/NAME/verdict: how it was caught, or what is wrong.
judge() {
	local name="$1" dir="$work/$1" package test tags within begin out verdict status=0
	read -r package test <<<"$(field "$name" Test)"
	tags=$(field "$name" Tags) within=$(field "$name" Within)
	out="$dir/out"
	begin=$(date +%s%N)
	if ! mutate "$name"; then
		verdict="does not apply"
	elif [[ ! -e "$(base "$package" "$tags").$(tr -c 'A-Za-z0-9' _ <<<"$test").passed" ]]; then
		verdict="fails without it"
		cp "$(base "$package" "$tags").$(tr -c 'A-Za-z0-9' _ <<<"$test")" "$out" || true
	elif ! compile "$dir/binary" "$package" "$tags" -overlay "$dir/overlay.json" >"$out" 2>&1; then
		verdict="does not build"
	else
		begin=$(date +%s%N)
		run "$dir/binary" "$package" "$test" "${within:-60}" >"$out" 2>&1 || status=$?
		if [[ "$status" == 0 ]]; then
			verdict=SURVIVED
		elif [[ "$status" == 124 || "$status" == 137 ]] || grep -q '^panic: test timed out' "$out"; then
			verdict="caught, hangs"
		elif grep -q '^panic: \|^fatal error: \|^unexpected fault address\|^SIG' "$out"; then
			verdict="caught, panic"
		elif grep -q '^ *--- FAIL: ' "$out"; then
			verdict="caught"
		else
			verdict="no verdict, status $status"
		fi
	fi
	rm -f "$dir/binary"
	printf '%s|%d\n' "$verdict" "$((($(date +%s%N) - begin) / 1000000))" >"$dir/verdict"
}
export -f field mutate compile run base without judge

if [[ -n "$check" ]]; then
	bad=0
	for name in "${names[@]}"; do
		mutate "$name" || { echo "$name does not apply: $(cat "$work/$name/out")" >&2; bad=1; }
	done
	[[ "$bad" == 0 ]] && echo "${#names[@]} mutants, all apply"
	exit "$bad"
fi

# The tests as they are.
for name in "${names[@]}"; do
	read -r package _ <<<"$(field "$name" Test)"
	printf '%s|%s\n' "$package" "$(field "$name" Tags)"
done | sort -u | while IFS='|' read -r package tags; do
	compile "$(base "$package" "$tags")" "$package" "$tags"
done
for name in "${names[@]}"; do
	read -r package test <<<"$(field "$name" Test)"
	within=$(field "$name" Within)
	printf '%s|%s|%s|%s\n' "$package" "$(field "$name" Tags)" "$test" "${within:-60}"
done | sort -u | tr '|\n' '\0\0' | xargs -0 -n 4 -P "$JOBS" bash -c 'without "$@"' without

# And with each mutant.
printf '%s\0' "${names[@]}" | xargs -0 -n 1 -P "$JOBS" bash -c 'judge "$@"' judge

bad=0
printf '%-32s %-20s %-58s %-14s %7s  %s\n' mutant file "test that must fail" verdict s "what is wrong with it"
for name in "${names[@]}"; do
	IFS='|' read -r verdict ms <"$work/$name/verdict"
	[[ "$verdict" == caught* ]] || bad=$((bad + 1))
	read -r package test <<<"$(field "$name" Test)"
	file=$(sed -n 's|^--- a/||p' "scripts/mutants/$name.patch" | head -n 1)
	printf '%-32s %-20s %-58s %-14s %5d.%d  %s\n' "$name" "$file" "${package#./}.$test" "$verdict" "$((ms / 1000))" "$((ms / 100 % 10))" "$(field "$name" Breaks)"
	if [[ -n "$verbose" || "$verdict" != caught* ]]; then
		sed 's/^/    | /' "$work/$name/out" | tail -n 30
	fi
done
echo
printf '%d of %d mutants caught, %d s\n' "$((${#names[@]} - bad))" "${#names[@]}" "$SECONDS"
if [[ "$bad" != 0 ]]; then
	echo "$bad not caught: a test that does not see the bug any more, or a patch that no longer fits the code" >&2
	exit 1
fi
