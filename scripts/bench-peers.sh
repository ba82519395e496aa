#!/usr/bin/env bash
# Runs the bus beside what one could use in its place, and writes one table and
# one chart: out/peers.md, out/peers.json, out/peers.svg, out/peers.png. What
# cannot be built here is named as missing, and the rest runs.
#
#   ROUNDS=3 DURATION=500ms BUDGET=9m WORKLOADS="seed fanout pingpong" scripts/bench-peers.sh
#
# Arguments are passed on to compare, as -peers "pipe nats"; -h lists them.
# See bench/peers/README.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

programs="$PWD/out/peers"
logs="$programs/logs"
rm -rf "$programs"
mkdir -p "$logs"

# Files of regions and peers lie in memory, all in one directory that goes with us.
memory=/dev/shm
[[ -d "$memory" && -w "$memory" ]] || memory="${TMPDIR:-/tmp}"
work="$(mktemp -d "$memory/shmbus-peers-XXXXXX")"
pid=
cleanup() {
	if [[ -n "$pid" ]]; then
		kill -TERM "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	fi
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# missing NAME WHY... notes why a peer is not there.
missing() {
	local name="$1"
	shift
	echo "$*" >"$programs/peer-$name.missing"
	echo "  $name is missing: $*"
}

# because LOG is the first error that a failed build told of, or what it said last.
because() {
	{ grep -i -m1 'error' "$1" || grep -v '^[[:space:]]*$' "$1" | tail -n 1; } | sed 's#[a-z]*://[^ ]*#...#g' | cut -c1-200
}

# debian COMMAND_OR_PKGCONFIG PACKAGE... installs packages where that is possible.
debian() {
	[[ "$(id -u)" == 0 ]] && command -v apt-get >/dev/null || return 1
	get() { DEBIAN_FRONTEND=noninteractive timeout 120 apt-get install -qq -y --no-install-recommends "$@"; }
	{ get "$@" || { timeout 60 apt-get update -qq && get "$@"; }; } >"$logs/debian.log" 2>&1
}

echo "building the bus and the peers in Go"
CGO_ENABLED=0 go build -o bin/shmbench ./cmd/shmbench
libzmq() { command -v pkg-config >/dev/null && pkg-config --exists libzmq && command -v "${CC:-gcc}" >/dev/null; }
libzmq || debian libzmq3-dev pkg-config gcc libc6-dev || true
if ! libzmq || ! (cd bench/peers/go && CGO_ENABLED=1 go build -tags zeromq -o "$programs/" ./cmd/...) 2>"$logs/zeromq.log"; then
	(cd bench/peers/go && CGO_ENABLED=0 go build -o "$programs/" ./cmd/...)
fi

echo "building the peers in Rust"
for crate in iceoryx2 tokio rvoip; do
	if ! command -v cargo >/dev/null; then
		missing "$crate" "cargo is not installed"
	elif (cd bench/peers/rust && cargo build --release --quiet -p "peer-$crate") >"$logs/$crate.log" 2>&1; then
		cp "bench/peers/rust/target/release/peer-$crate" "$programs/"
	else
		missing "$crate" "cargo build: $(because "$logs/$crate.log")"
	fi
done

echo "building the peers in Java"
for module in aeron disruptor chronicle; do
	if ! command -v mvn >/dev/null || ! command -v java >/dev/null; then
		missing "$module" "Maven or Java is not installed"
	elif (cd bench/peers/java && mvn -q -B -DskipTests -pl "$module" -am package) >"$logs/$module.log" 2>&1; then
		# Aeron and Chronicle reach for the JDK's own memory classes, as they document.
		cat >"$programs/peer-$module" <<-END
			#!/bin/sh
			exec java $(tr '\n' ' ' <bench/peers/java/jvm.options)-cp "$PWD/bench/peers/java/$module/target/classes:$PWD/bench/peers/java/$module/target/lib/*" \\
				com.rvoip.shmbus.peers.$module.Main "\$@"
		END
		chmod +x "$programs/peer-$module"
	else
		missing "$module" "mvn package: $(because "$logs/$module.log")"
	fi
done

"$programs/compare" -programs "$programs" -ours bin/shmbench -out out -dir "$work" \
	-rounds "${ROUNDS:-3}" -duration "${DURATION:-500ms}" -budget "${BUDGET:-9m}" -workloads "${WORKLOADS:-seed fanout pingpong}" "$@" &
pid=$!
status=0
wait "$pid" || status=$?
pid=
[[ "$status" != 0 ]] || echo "written: out/peers.md, out/peers.json, out/peers.svg, out/peers.png"
exit "$status"
