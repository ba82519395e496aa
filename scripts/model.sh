#!/usr/bin/env bash
# Checks the models of model/ with spin: every configuration must be exhausted and
# clean, every seeded mutation must be caught, and the configuration a mutation is
# caught in must be clean without it.
#
#   scripts/model.sh          the short form, a few minutes on two busy cores
#   scripts/model.sh long     larger bounds, and sweeps that are not exhaustive
#   scripts/model.sh trail MODEL NAME[=VALUE]...
#                             one run, and the steps of the shortest failure found in it
#
# JOBS sets how many checks run at once (default: the number of processors, 1 in the
# long form), SWEEP_SECONDS the limit of a sweep (default 300), KEEP=1 keeps the work
# folder. Exits with 1 when anything is not as it must be.
set -u -o pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
form=${1:-short}
case $form in
short | long) ;;
trail)
    [ $# -ge 2 ] || { echo "usage: $0 trail exchange|wake|room [NAME[=VALUE]]..." >&2; exit 2; }
    ;;
*)
    echo "usage: $0 [short|long|trail ...]" >&2
    exit 2
    ;;
esac

need=()
command -v spin >/dev/null || need+=(spin)
command -v gcc >/dev/null || need+=(gcc libc6-dev)
if [ ${#need[@]} -gt 0 ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq --no-install-recommends "${need[@]}" >/dev/null || exit 1
    else
        echo "$0: missing ${need[*]}; install them first, on Debian with: apt-get install ${need[*]}" >&2
        exit 1
    fi
fi

# Clean runs, one a line: what | model | bounds and switches.
# Bounds that are not named have the defaults at the top of the model.
clean_short='
no reader, three kills | exchange | N=2 P=2 K=1 R=0 M=2 KILLS=3
three ports | exchange | N=2 P=3 K=1 R=0 M=1 KILLS=1
ports change hands | exchange | CLAIM PORTS=1 N=2 P=2 K=1 R=0 M=2 KILLS=2
ports change hands | exchange | CLAIM PORTS=2 N=2 P=2 K=1 R=0 M=2 KILLS=1
lossy | exchange | N=2 P=2 K=2 R=1 M=2 KILLS=1
lossy, laps, exact count | exchange | COUNT N=2 P=1 K=3 R=1 W=2 M=8
lossy, laps | exchange | N=2 P=1 K=2 R=1 M=8 KILLS=2
lossy, join at the oldest | exchange | OLD N=2 P=1 K=2 R=1 M=6 KILLS=1
lossy, join at any position | exchange | ANY N=2 P=1 K=2 R=1 M=6 KILLS=1
reliable | exchange | RELIABLE N=2 P=2 K=2 R=1 M=2 KILLS=1
reliable, evict, join twice | exchange | RELIABLE N=2 P=1 K=2 R=1 M=8 KILLS=1 EVICTS=1 JOINS=2
reliable, join at the oldest | exchange | RELIABLE OLD N=2 P=1 K=2 R=1 M=6 KILLS=1 EVICTS=1
reliable, join at any position | exchange | RELIABLE ANY N=2 P=1 K=2 R=1 M=6 KILLS=1 EVICTS=1
reliable, durable | exchange | RELIABLE DURABLE N=2 P=1 K=2 R=1 M=8 KILLS=3 EVICTS=1
reliable, gate lost and regained | exchange | RELIABLE REGAIN N=2 P=1 K=2 R=1 M=8 KILLS=1 EVICTS=2
the same, two ports | exchange | RELIABLE REGAIN N=2 P=2 K=2 R=1 M=2 EVICTS=2
the same, batch 2, pins 2 | exchange | RELIABLE REGAIN N=3 P=1 K=4 R=1 W=2 B=2 M=8 EVICTS=2
a whole lap pinned | exchange | N=2 P=1 K=3 R=1 W=2 M=8 KILLS=2
the same, two ports | exchange | N=2 P=2 K=3 R=1 W=2 M=2
the same, reliable | exchange | RELIABLE N=2 P=1 K=3 R=1 W=2 M=8 KILLS=1 EVICTS=1
the same, durable | exchange | RELIABLE DURABLE N=2 P=1 K=3 R=1 W=2 M=6 KILLS=2 EVICTS=1
the same, join at any position | exchange | RELIABLE ANY N=2 P=1 K=3 R=1 W=2 M=6 KILLS=1 EVICTS=1
the same, three entries | exchange | RELIABLE N=3 P=1 K=4 R=1 W=3 M=8 KILLS=1 EVICTS=1
batch 2, pins 2 | exchange | N=3 P=1 K=4 R=1 W=2 B=2 M=8 KILLS=1
batch 2, pins 2, reliable | exchange | RELIABLE N=3 P=1 K=4 R=1 W=2 B=2 M=8 KILLS=1 EVICTS=1
batch 2, two ports | exchange | N=2 P=2 K=3 R=0 B=2 M=3 KILLS=1
two readers | exchange | N=2 P=1 K=3 R=2 M=6
the tail lags, lossy | exchange | LAZY N=2 P=2 K=2 R=1 M=2
the tail lags, reliable | exchange | LAZY RELIABLE N=2 P=2 K=2 R=1 M=2
the same, evict, kill | exchange | LAZY RELIABLE N=2 P=1 K=2 R=1 M=6 KILLS=1 EVICTS=1
the same, join at the oldest | exchange | LAZY RELIABLE OLD N=2 P=1 K=2 R=1 M=6 KILLS=1 EVICTS=1
the tail lags, batch 2, pins 2 | exchange | LAZY N=3 P=1 K=4 R=1 W=2 B=2 M=6 KILLS=1
alone: no reader | exchange | SOLO N=2 P=2 K=1 R=0 M=2 KILLS=2
alone: the tail lags | exchange | SOLO LAZY RELIABLE N=2 P=2 K=2 R=1 M=2
alone: lossy | exchange | SOLO N=2 P=2 K=2 R=1 M=2
alone: reliable | exchange | SOLO RELIABLE N=2 P=2 K=2 R=1 M=2
alone: batch 2, reliable | exchange | SOLO RELIABLE N=2 P=1 K=3 R=1 B=2 M=6 KILLS=1
bell | wake | M=1 KILLS=1
bell, sleeper killed | wake | M=1 KILLS=0 SLEEPER_KILLS=1
bell, spurious returns | wake | PUBLISHERS=1 M=2 KILLS=1 SPURIOUS=2
bell, cancel | wake | PUBLISHERS=1 M=2 KILLS=1 CANCELS=1
room, two readers | room | M=2 KILLS=0
room, kills | room | M=1 KILLS=2
room, arms all readers | room | WANT_ALL M=1 KILLS=1
room, one reader | room | READERS=1 M=3 KILLS=1 LEAVES=1
room, batches | room | N=2 BATCH=2 READERS=1 M=2 KILLS=1 STOPS=1
room, one publisher on two readers | room | PUBLISHERS=1 M=3 KILLS=1 LEAVES=1
room, three publishers | room | PUBLISHERS=3 READERS=1 M=1 KILLS=1
'

clean_long='
the tail lags, kill | exchange | LAZY N=2 P=2 K=2 R=1 M=2 KILLS=1
the tail lags, gate lost and regained | exchange | LAZY RELIABLE REGAIN N=2 P=2 K=2 R=1 M=2 EVICTS=1
the tail lags, join twice | exchange | LAZY RELIABLE N=2 P=1 K=2 R=1 M=8 KILLS=1 EVICTS=1 JOINS=2
no reader, three kills | exchange | N=2 P=2 K=1 R=0 M=3 KILLS=3
three ports, two kills | exchange | N=2 P=3 K=1 R=0 M=1 KILLS=2
ports change hands | exchange | CLAIM PORTS=2 N=2 P=2 K=1 R=0 M=2 KILLS=2
lossy, two kills | exchange | N=2 P=2 K=2 R=1 M=2 KILLS=2
lossy, one producer laps the other | exchange | N=2 P=2 K=2 R=1 M0=1 M=4 KILLS=1
lossy, join at the oldest | exchange | OLD N=2 P=2 K=2 R=1 M=2 KILLS=1
join at any position, batch 2, pins 2 | exchange | RELIABLE ANY N=3 P=1 K=4 R=1 W=2 B=2 M=8 KILLS=1 EVICTS=1
reliable, evict and kill | exchange | RELIABLE N=2 P=2 K=2 R=1 M=2 KILLS=1 EVICTS=1
reliable, durable | exchange | RELIABLE DURABLE N=2 P=2 K=2 R=1 M=2 KILLS=2
reliable, one producer laps the other | exchange | RELIABLE N=2 P=2 K=2 R=1 M0=1 M=4 KILLS=1
a whole lap pinned, reliable | exchange | RELIABLE N=2 P=2 K=3 R=1 W=2 M=2 KILLS=1 EVICTS=1
the same, join at the oldest | exchange | RELIABLE OLD N=2 P=2 K=3 R=1 W=2 M=2 EVICTS=1
reliable, six events | exchange | RELIABLE N=2 P=2 K=2 R=1 M=3
batch 2, pins 2 | exchange | N=3 P=2 K=4 R=1 W=2 B=2 M=2 KILLS=1
two readers | exchange | N=2 P=1 K=3 R=2 M=8 KILLS=1
two readers, reliable, evict | exchange | RELIABLE N=2 P=1 K=3 R=2 M=6 EVICTS=1
alone: lossy, kill | exchange | SOLO N=2 P=2 K=2 R=1 M=2 KILLS=1
alone: batch 2, reliable | exchange | SOLO RELIABLE N=2 P=2 K=3 R=1 B=2 M=2 KILLS=1
bell | wake | M=2 KILLS=2
bell, cancel | wake | M=1 KILLS=1 CANCELS=1
room, kills | room | M=2 KILLS=1
room, leave | room | M=2 KILLS=0 LEAVES=1 STOPS=1
'

# Sweeps with a bit-state table and a time limit: more than the above, and no proof.
sweep_long='
sweep: lossy | exchange | N=4 P=3 K=4 R=1 W=2 B=2 M=4 KILLS=4
sweep: reliable | exchange | RELIABLE DURABLE N=4 P=3 K=4 R=1 W=2 B=2 M=4 KILLS=3 EVICTS=1
'
sweep_seconds=${SWEEP_SECONDS:-300}

# Mutations: mutation | model | bounds and switches | what is wrong in it.
mutations='
NO_SCAN | exchange | N=2 P=1 K=2 R=1 M=6 | a displaced slot is reused without a scan
SCAN_BEFORE_CAS | exchange | N=2 P=1 K=2 R=1 M=6 | the scan that frees it was made before the exchange
LOOK_BEFORE_PIN | exchange | N=2 P=1 K=2 R=1 M=6 | the reader trusts an entry that it looked at before the pin
PAST_PIN | exchange | N=2 P=1 K=2 R=1 M=6 | the reader reads one event past what it has pinned
EVICT_DROPS_PIN | exchange | RELIABLE N=2 P=1 K=2 R=1 M=6 EVICTS=1 | eviction takes the pin too
SAFE_NO_TAIL | exchange | N=2 P=1 K=2 R=1 M=6 | `safe` is not bounded by the tail
LIMIT_NO_TAIL | exchange | RELIABLE N=2 P=1 K=2 R=1 M=6 | `limit` is not bounded by the tail
JOIN_NO_REREAD | exchange | RELIABLE N=2 P=1 K=2 R=1 M=6 | the joiner does not read the tail again
JOIN_NO_REREAD | exchange | N=2 P=1 K=2 R=1 M=6 | the same on a lossy lane
H_LATE | exchange | N=2 P=1 K=2 R=1 M=6 | the reader count is raised after the tail was re-read
SCAN_H_FIRST | exchange | N=2 P=2 K=2 R=1 M=2 | the scan loads the reader count before the tail
NO_GENERATION | exchange | OLD N=2 P=1 K=2 R=1 M=6 KILLS=1 | joining at the oldest does not void `safe`
NO_GENERATION | exchange | RELIABLE OLD N=2 P=1 K=2 R=1 M=6 KILLS=1 EVICTS=1 | the same on a reliable lane
NO_GENERATION | exchange | RELIABLE ANY N=2 P=1 K=2 R=1 M=6 KILLS=1 EVICTS=1 | joining at a position behind the tail does not void `safe`
REGAIN_KEEPS_BASE | exchange | RELIABLE REGAIN N=2 P=1 K=2 R=1 M=8 EVICTS=2 | a reader that regains its gate is promised what was before that
HALF_JOINED | exchange | RELIABLE DURABLE N=2 P=1 K=2 R=1 M=6 KILLS=1 | a durable join that died half way is resumed
RECOVERED_FREE | exchange | N=2 P=1 K=2 R=1 M=6 KILLS=1 | the recovered cell counts as free
NO_HELP | exchange | N=2 P=2 K=1 R=0 M=3 KILLS=1 | no helping
HELP_AFTER_CAS | exchange | N=2 P=2 K=1 R=0 M=3 KILLS=1 | helping after the exchange
HELP_ANY | exchange | N=2 P=2 K=1 R=0 M=3 KILLS=1 | helping by position, whoever owns the entry
INTENT_AFTER_CAS | exchange | N=2 P=1 K=1 R=0 M=3 KILLS=2 | the intent is written after the exchange
CLEAR_BEFORE_BOOK | exchange | N=2 P=1 K=1 R=0 M=3 KILLS=2 | the producer clears its intent before the cell
CLEAR_BEFORE_RECOVERY_BOOK | exchange | N=2 P=1 K=1 R=0 M=3 KILLS=2 | recovery clears the intent before the cell
NO_REREAD_INTENT | exchange | N=2 P=2 K=1 R=0 M=3 KILLS=1 | recovery does not read the intent again
REUSE_NO_RECOVERY | exchange | N=2 P=1 K=1 R=0 M=3 KILLS=2 | a port is reused without recovery
FREE_BEFORE_BOOK | exchange | CLAIM PORTS=1 N=2 P=2 K=1 R=0 M=2 KILLS=2 | recovery gives the port up first
CELL_BEFORE_CAS | exchange | N=2 P=1 K=1 R=0 M=3 KILLS=2 | the cell is written before the exchange
TAIL_BEFORE_CAS | exchange | N=2 P=2 K=1 R=0 M=2 | the tail is moved before the exchange
BATCH_ORDER | exchange | N=2 P=1 K=3 R=0 B=2 M=4 | a batch is published out of order
COUNT_PINNED | exchange | COUNT N=2 P=1 K=3 R=1 W=2 M=8 | what is pinned counts as received
SMALL_BUDGET | exchange | N=2 P=1 K=2 R=1 M=6 | fewer cells than the batch and all pins
IDLE_KEEPS_CURSOR | exchange | RELIABLE N=2 P=1 K=3 R=1 W=2 M=6 | the cursor does not move when there is nothing to read
KEEP_LOST | exchange | SOLO N=2 P=2 K=1 R=0 M=2 KILLS=2 | a producer does not forget what it lost an exchange by
REMEMBER_LAP | exchange | N=2 P=2 K=1 R=0 M=2 | a producer remembers an entry for the next lap, too
NO_TAIL_HELP | exchange | SOLO N=2 P=2 K=1 R=0 M=2 KILLS=2 | nobody helps a tail that lags
FULL_BY_TAIL | exchange | SOLO RELIABLE N=2 P=2 K=3 R=1 B=2 M0=1 M=4 | full is reported because the tail lags
LAZY_FULL | exchange | SOLO LAZY RELIABLE N=2 P=2 K=2 R=1 M=2 | a producer without room does not say first what is published
JOIN_NO_REREAD | exchange | LAZY RELIABLE N=2 P=1 K=2 R=1 M=6 | the joiner does not read a tail that lags again
NO_RECHECK | wake | M=1 KILLS=0 | the sleeper does not look again before it waits
ARM_AFTER_RECHECK | wake | M=1 KILLS=0 | the interest is set after that look
COUNT_AFTER_RECHECK | wake | M=1 KILLS=0 | the count is read after that look
INTEREST_BEFORE_CAS | wake | M=1 KILLS=0 | the publisher loads the interest before it publishes
CLEAR_AFTER_WAKE | wake | M=1 KILLS=0 | the bit is cleared after the wake
CLEAR_ALL | wake | M=1 KILLS=0 | all bits are cleared, one is woken
WAKE_NO_COUNT | wake | M=1 KILLS=0 | a wake without adding to the count
WAKE_ONE | wake | M=1 KILLS=0 | one waiter of the bit is woken, not all
CANCEL_NO_COUNT | wake | PUBLISHERS=1 M=1 KILLS=0 CANCELS=1 | cancelling does not add to the count
FLAG_BEFORE_COUNT | wake | PUBLISHERS=1 M=1 KILLS=0 CANCELS=1 | the cancel flag is looked at before the count is read
NO_CURSOR_RECHECK | room | M=2 KILLS=0 | the cursor is not looked at again after `want`
WANT_BEFORE_CURSOR | room | M=2 KILLS=0 | the reader loads `want` before it moves its cursor
ROOM_NO_COUNT | room | M=2 KILLS=0 | a wake without adding to the count
COUNT_AFTER_RECHECK | room | M=2 KILLS=0 | the count is read after that look
WANT_RAISED | room | N=2 BATCH=2 READERS=1 M=2 KILLS=0 STOPS=1 | `want` is raised over another publisher
WAKE_ONE | room | M=2 KILLS=0 | one publisher is woken, not all
LEAVE_SILENT | room | READERS=1 M=3 KILLS=0 LEAVES=1 | a reader leaves without waking
'

work=$(mktemp -d)
if [ "${KEEP:-0}" = 1 ]; then
    echo "work folder: $work"
else
    trap 'rm -rf "$work"' EXIT
fi
export root work

# trail MODEL NAME[=VALUE]...: finds a short failing run and prints its steps, without the flow of control.
if [ "$form" = trail ]; then
    model=$2
    shift 2
    args=("${@/#/-D}") run=(-n -m20000 -i)
    case " $* " in *" SOLO "*) run+=(-E) ;; esac
    cd "$work" && cp "$root"/model/*.pml . || exit 1
    spin -a "${args[@]}" "$model.pml" >spin.out 2>&1 || { cat spin.out >&2; exit 1; }
    gcc -O1 -w -DSAFETY -DNOREDUCE -DREACH -DVECTORSZ=512 -DMEMLIM=5600 -o pan pan.c || exit 1
    timeout -s INT "${SECONDS_MAX:-60}" ./pan "${run[@]}" >pan.out 2>&1
    if [ ! -f "$model.pml.trail" ]; then
        grep 'errors:\|states, stored' pan.out
        exit 0
    fi
    spin -t -p -l "${args[@]}" "$model.pml" |
        grep -v '(:init\|(goto)\|goto :b\|\[goto\|\[IF\|\[DO\|\[else\|\[break\|\[z[cr]* = \|\[zmask = \|D_STEP\|\[((*z[cr]*[<%]\|sub-sequence\|\[assert\|\[[a-hr]_[a-z_]* = ' |
        sed -n 's/^ *\([0-9]*\):.*proc *\([0-9]*\) (\([A-Za-z]*\):1) \([a-z]*.pml:[0-9]*\) (state [0-9-]*)\t*\(\[.*\]\)$/\1 \3 \2 \4 \5/p' |
        awk '{ step = $1; who = $2 " " $3; at = $4; $1 = $2 = $3 = $4 = ""; sub(/^ */, ""); printf "%5s  %-13s %-17s %s\n", step, who, at, $0 }'
    grep -h 'assertion violated' pan.out | tail -n 1 | sed 's/^pan:[0-9]*: //'
    exit 0
fi

# check KIND ID MODEL DEFS: builds one checker, runs it, writes its verdict to $work/ID.result as
# "verdict | states | seconds | memory". KIND is exhaust, quick
# (a small run, so the time to compile counts most) or sweep:SECONDS.
check() {
    local kind=$1 id=$2 model=$3 defs=$4
    local dir=$work/$id d args=() flags=(-DSAFETY -DNOREDUCE -DVECTORSZ=512) run=(-m2000000 -n)
    mkdir -p "$dir"
    for d in $defs; do args+=("-D$d"); done
    case " $defs " in *" SOLO "*) run+=(-E) ;; esac
    case $kind in
    exhaust) flags+=("$optimise" -DCOLLAPSE "-DMEMLIM=$memory") ;;
    quick) flags+=(-O0 "-DMEMLIM=$memory") ;;
    sweep:*) flags+=(-O2 -DBITSTATE) run+=(-w33 -k3) ;;
    esac
    (
        cd "$dir" || exit 1
        spin -a "${args[@]}" "$root/model/$model.pml" >spin.out 2>&1 || { echo "spin failed" >pan.out; exit 1; }
        gcc -w "${flags[@]}" -o pan pan.c >gcc.out 2>&1 || { echo "gcc failed" >pan.out; exit 1; }
        case $kind in
        sweep:*) timeout -s INT "${kind#sweep:}" ./pan "${run[@]}" >pan.out 2>&1 ;;
        *) ./pan "${run[@]}" >pan.out 2>&1 ;;
        esac
    )
    local out=$dir/pan.out verdict states seconds mem
    states=$(awk '/states, stored/ {print $1; exit}' "$out")
    seconds=$(awk '/elapsed time/ {print $4; exit}' "$out")
    mem=$(awk '/total actual memory usage/ {printf "%d", $1; exit}' "$out")
    if grep -q 'assertion violated\|invalid end state (' "$out"; then
        verdict=$(sed -n 's/.*assertion violated \([^ ]*\).*/\1/p; s/.*\(invalid end state\) (.*/\1/p' "$out" | head -n 1)
    elif ! grep -q 'errors: 0' "$out"; then
        verdict="failed: $(head -n 1 "$out")"
    elif [[ $kind != sweep:* ]] && grep -q 'Search not completed\|max search depth too small\|out of memory' "$out"; then
        verdict="not exhausted"
    elif [[ $kind == sweep:* ]]; then
        verdict=swept
    else
        verdict=exhausted
    fi
    echo "$verdict|${states:--}|${seconds:--}|${mem:--}" >"$work/$id.result"
    rm -f "$dir/pan" "$dir"/pan.[bchmpt] "$dir/_spin_nvr.tmp"
    [ -t 2 ] && echo "  $model $defs: $verdict, ${states:--} states" >&2
    return 0
}
export -f check

trim() { sed 's/^ *//; s/ *$//'; }

# Lists the jobs, one "kind id model defs" a line, numbered in the order of the tables.
jobs_file=$work/jobs
: >"$jobs_file"
declare -A base=()
clean=() sweep=() muts=()
while IFS='|' read -r what model defs; do
    [ -n "$what" ] || continue
    what=$(trim <<<"$what") model=$(trim <<<"$model") defs=$(trim <<<"$defs")
    id=clean${#clean[@]}
    clean+=("$id|$what|$model|$defs")
    base["$model $defs"]=$id
    printf '%s\0' exhaust "$id" "$model" "$defs" >>"$jobs_file"
done <<<"$([ "$form" = long ] && echo "$clean_short$clean_long" || echo "$clean_short")"
if [ "$form" = long ]; then
    while IFS='|' read -r what model defs; do
        [ -n "$what" ] || continue
        what=$(trim <<<"$what") model=$(trim <<<"$model") defs=$(trim <<<"$defs")
        id=sweep${#sweep[@]}
        sweep+=("$id|$what|$model|$defs")
        printf '%s\0' "sweep:$sweep_seconds" "$id" "$model" "$defs" >>"$jobs_file"
    done <<<"$sweep_long"
fi
while IFS='|' read -r mutation model defs wrong; do
    [ -n "$mutation" ] || continue
    mutation=MUT_$(trim <<<"$mutation") model=$(trim <<<"$model") defs=$(trim <<<"$defs")
    id=mut${#muts[@]}
    if [ -z "${base["$model $defs"]:-}" ]; then
        base["$model $defs"]=base$id
        printf '%s\0' quick "base$id" "$model" "$defs" >>"$jobs_file"
    fi
    muts+=("$id|$mutation|$model|$defs|${base["$model $defs"]}|$(trim <<<"$wrong")")
    printf '%s\0' quick "$id" "$model" "$mutation $defs" >>"$jobs_file"
done <<<"$mutations"

# The long form gives the large searches the memory to themselves.
jobs=${JOBS:-$(nproc)}
memory=2000
optimise=-O1
if [ "$form" = long ]; then
    jobs=${JOBS:-1}
    memory=5600
    optimise=-O2
fi
export memory optimise
begin=$SECONDS
xargs -0 -n 4 -P "$jobs" bash -c 'check "$@"' check <"$jobs_file"

bad=0
result() { cat "$work/$1.result" 2>/dev/null || echo "did not run|-|-|-"; }
tell() { # a run that is not as it must be: say where its trail can be had
    bad=$((bad + 1))
    failed+=("$1")
}
failed=()

echo "Clean runs (every reachable state within the bounds, sequential consistency)"
printf '%-38s %-9s %-62s %10s  %s\n' what model bounds states result
for line in "${clean[@]}" ${sweep[@]+"${sweep[@]}"}; do
    IFS='|' read -r id what model defs <<<"$line"
    IFS='|' read -r verdict states seconds mem <<<"$(result "$id")"
    case $verdict in
    exhausted) text="clean, exhausted" ;;
    swept) text="clean, not exhaustive (bit-state, ${seconds} s)" ;;
    *) text="FAILED: $verdict"; tell "$model $defs" ;;
    esac
    printf '%-38s %-9s %-62s %10s  %s\n' "$what" "$model" "$defs" "$states" "$text"
done

echo
echo "Mutations (each must be caught; \"without\" is the same run without the mutation)"
printf '%-30s %-9s %-22s %-11s %s\n' mutation model "caught by" without "what is wrong"
caught=0
for line in "${muts[@]}"; do
    IFS='|' read -r id mutation model defs baseid wrong <<<"$line"
    IFS='|' read -r verdict states seconds mem <<<"$(result "$id")"
    IFS='|' read -r without _ _ _ <<<"$(result "$baseid")"
    case $verdict in
    exhausted | "not exhausted" | failed* | "did not run") verdict="NOT CAUGHT"; tell "$model $mutation $defs" ;;
    *) caught=$((caught + 1)) ;;
    esac
    if [ "$without" = exhausted ]; then
        without=clean
    else
        tell "$model $defs"
    fi
    printf '%-30s %-9s %-22s %-11s %s\n' "$mutation" "$model" "$verdict" "$without" "$wrong"
done

echo
echo "${#clean[@]} clean runs, ${#sweep[@]} sweeps, $caught of ${#muts[@]} mutations caught, $((SECONDS - begin)) s"
if [ "$bad" -gt 0 ]; then
    echo "$bad not as they must be; see model/README.md for how to get a trail:" >&2
    printf '  %s\n' "${failed[@]}" >&2
    exit 1
fi
