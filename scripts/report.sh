#!/usr/bin/env bash
# Runs every workload as docs/performance.md has it, and draws one page of all:
# out/report.html, out/report.png, and the runs themselves in out/report/. Some ten
# minutes; nothing else should run beside it.
#
#   RUNS=5 DURATION=2s HOLD=60s scripts/report.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs="${RUNS:-5}"
duration="${DURATION:-2s}"
hold="${HOLD:-60s}" # for how long the RTP load has to hold
out=out/report
rm -rf "$out"
mkdir -p "$out"
go build -o bin/shmbench ./cmd/shmbench

# A run that loses events fails, and one that does not hold a load is a result.
measure() { # name, workload and flags
	local name="$1"
	shift
	echo "== $*"
	bin/shmbench "$@" -json "$out/$name.json"
}

measure seed seed -runs "$runs" -duration "$duration"
measure seed-static seed -static -runs "$runs" -duration "$duration"
measure fanout-1-1 fanout -runs "$runs" -duration "$duration"
measure fanout-1-1-batch fanout -batch 64 -runs "$runs" -duration "$duration"
measure fanout-1-5-batch fanout -subs 5 -batch 64 -runs "$runs" -duration "$duration"
measure fanout-1-5-batch-256 fanout -subs 5 -batch 64 -size 256 -runs "$runs" -duration "$duration"
measure fanout-1-5-batch-static fanout -static -subs 5 -batch 64 -runs "$runs" -duration "$duration"
measure fanout-1-1-packs fanout -pack -batch 64 -runs "$runs" -duration "$duration"
measure fanout-1-5-packs fanout -pack -subs 5 -batch 64 -runs "$runs" -duration "$duration"
measure fanout-1-5-packs-256 fanout -pack -subs 5 -batch 64 -size 256 -runs "$runs" -duration "$duration"
measure local-1-5-packs fanout -pack -local -subs 5 -batch 64 -capacity 8192 -runs "$runs" -duration "$duration"
measure local-1-5 fanout -local -subs 5 -capacity 8192 -runs "$runs" -duration "$duration"
measure local-1-5-batch fanout -local -subs 5 -batch 64 -capacity 8192 -runs "$runs" -duration "$duration"
measure filter fanout -match 0.001 -runs "$runs" -duration "$duration"
measure pingpong-spin pingpong -wait spin -runs "$runs" -duration "$duration"
measure pingpong-park pingpong -wait park -runs "$runs" -duration "$duration"
measure wake wake -runs "$runs" -duration "$duration"
measure flood flood -runs "$runs" -duration "$duration"
measure scale scale -runs 3
measure size size
measure crash crash
measure rtp rtp -duration "$hold"
measure rtp-packs rtp -pack -duration "$hold"
measure rtp-packs-most rtp -pack -search -calls 200000 -duration 3s
measure rtp-most rtp -search -duration 3s
bin/shmbench report -o out/report.html -png out/report.png "$out"/*.json
