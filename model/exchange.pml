/*
 * The exchange ring: publish, read, pin, join, evict, crash, recovery.
 *
 * One lane. Every STEP ... STEP_END is one access to shared memory together
 * with the private computation that follows it, and a process can be killed
 * before each of them. A process that is merely never scheduled again is a
 * frozen one, so freezing needs no transition of its own for safety; SOLO adds
 * the progress half (everybody but one producer freezes for good).
 *
 * Bounds and switches are set with -D; see README.md for what they mean and
 * scripts/model.sh for the runs that are made.
 */

#ifndef N
#define N 2             /* ring entries */
#endif
#ifndef P
#define P 2             /* producer processes */
#endif
#ifndef PORTS
#define PORTS P         /* ports; differs from P only under CLAIM */
#endif
#ifndef K
#define K 2             /* cells of a port */
#endif
#ifndef R
#define R 1             /* readers */
#endif
#ifndef W
#define W 1             /* window: most positions a reader pins at once */
#endif
#ifndef B
#define B 1             /* events of a batch */
#endif
#ifndef M
#define M 2             /* publishes of a producer */
#endif
#ifndef M0
#define M0 M            /* the same of producer 0 */
#endif
#ifndef KILLS
#define KILLS 0         /* kills in one run, whoever they hit */
#endif
#ifndef EVICTS
#define EVICTS 0        /* evictions in one run */
#endif
#ifndef JOINS
#define JOINS 1         /* how often one reader joins */
#endif

#ifdef ANY
#define OLD             /* whoever may start anywhere may start behind the tail */
#endif

#ifdef MUT_SMALL_BUDGET
#undef K
#define K 1             /* pins and a batch of one need two */
#endif

#define SLOTS   (N + PORTS * K)
#define NOBODY  PORTS   /* owner of the entries a fresh ring starts with */

/*
 * Words. Positions start at N, so that the fresh ring holds positions 0..N-1
 * and nothing is negative. Each of these is one 64-bit word in the region; a
 * compare-and-swap compares all of it.
 */
#define ENTRY(pos, own, slot)   ((pos) << 7 | (own) << 4 | (slot))
#define POS(w)                  ((w) >> 7)
#define OWN(w)                  ((w) >> 4 & 7)
#define SLOT(w)                 ((w) & 15)

#define IDLE    0
#define PENDING 1
#define WON     2
#define INTENT(pos, j, d, st)   ((pos) << 8 | (j) << 6 | (d) << 2 | (st))
#define IPOS(x)                 ((x) >> 8)
#define ICELL(x)                ((x) >> 6 & 3)
#define IDISP(x)                ((x) >> 2 & 15)
#define ISTATE(x)               ((x) & 3)

#define CELL(slot, key)         ((key) << 4 | (slot))
#define CSLOT(c)                ((c) & 15)
#define CKEY(c)                 ((c) >> 4)

#define NONE    0
#define GATED   2
#define CURSOR(pos, n, gate)    ((pos) << 4 | (n) << 2 | (gate) | 1)
#define RPOS(c)                 ((c) >> 4)
#define RPINS(c)                ((c) >> 2 & 3)
#define RGATE(c)                ((c) & GATED)

#ifdef RELIABLE
#define JOINGATE GATED
#else
#define JOINGATE 0
#endif

/* Shared memory. */
short E[N];             /* entries */
short I[PORTS];         /* intents */
short S[PORTS * K];     /* cells; cell j of port p is S[p*K+j] */
byte  T = N;            /* tail hint */
#if R > 0
byte  H;                /* readers that ever registered are below this */
short C[R];             /* cursors */
#endif
#ifdef OLD
byte  gen;              /* lane generation */
#endif
#ifdef CLAIM
byte  owner[PORTS];     /* 0 is FREE, otherwise process + 1 */
#endif

/*
 * Ghosts: what only the checker knows.
 */
byte content[SLOTS];    /* position of the event a slot holds, 0: being filled */
bool won[PORTS];        /* the exchange is won and not booked into the cell yet */
#if R > 0
short held[R];          /* positions read in place: first << 4 | count */
#endif
#if B > 1
byte nth[SLOTS];        /* place in its batch of an event not published yet */
#endif
#if KILLS > 0
byte kills = KILLS;
#endif
#if EVICTS > 0
byte evicts = EVICTS;
#endif
#ifdef SOLO
byte solo;              /* process + 1 of the only one that still runs */
#endif
#ifdef MUT_CELL_BEFORE_CAS
byte wrote[P];          /* slot + 1 in hand while the cell already holds another */
#endif
#ifdef MUT_INTENT_AFTER_CAS
byte wonj[PORTS], wond[PORTS];
#define WONJ(p) wonj[p]
#define WOND(p) wond[p]
#else
#define WONJ(p) ICELL(I[p])
#define WOND(p) IDISP(I[p])
#endif

/*
 * Properties, named in the message of a failed run ("assertion violated ...").
 */
hidden byte a_reuse_under_reader;       /* a slot is filled while it is read in place */
hidden byte a_wrong_event;              /* a validated slot holds another event */
hidden byte b_slot_lost;                /* a slot is in no place */
hidden byte c_slot_twice;               /* a slot is in two places */
hidden byte d_gated_reader_missed;      /* a gated reader was overrun */
hidden byte d_missed_inexact;           /* received + missed is not the distance */
hidden byte e_position_gap;             /* published anywhere but at the first free position */
hidden byte f_batch_not_prefix;         /* a batch was published out of order */
hidden byte g_tail_ahead;               /* the tail hint passed the first unpublished */
hidden byte h_no_progress;              /* a producer left alone does not finish */
hidden byte h_no_slot;                  /* no cell in spite of the pin budget */
hidden byte h_false_full;               /* full is reported though no reader gates */
hidden byte r_cursor_back;              /* a cursor moved backwards */
#define CHECK(prop, cond)       prop = (cond); assert(prop)

hidden byte z, zc, zr;
hidden int zmask;

/* First position not published yet: in a gapless ring one past the newest. */
inline newest()
{
        zc = 0; z = 0;
        do
        :: z < N ->
                if :: POS(E[z]) > zc -> zc = POS(E[z]) :: else fi;
                z++
        :: else -> break
        od;
        z = 0
}
inline tail_ok()
{
        newest();
        CHECK(g_tail_ahead, T <= zc + 1)
}

/* Every slot is in exactly one entry or cell, or is the displaced one of a won exchange. */
inline accounted()
{
        zmask = 0; z = 0;
        do
        :: z < N ->
                CHECK(c_slot_twice, !(zmask >> SLOT(E[z]) & 1));
                zmask = zmask | 1 << SLOT(E[z]);
                z++
        :: else -> break
        od;
        z = 0;
        do
        :: z < PORTS * K ->
                if
                :: won[z / K] && WONJ(z / K) == z % K -> zc = WOND(z / K)
#ifdef MUT_CELL_BEFORE_CAS
                :: wrote[z / K] && ICELL(I[z / K]) == z % K -> zc = wrote[z / K] - 1
#endif
                :: else -> zc = CSLOT(S[z])
                fi;
                CHECK(c_slot_twice, !(zmask >> zc & 1));
                zmask = zmask | 1 << zc;
                z++
        :: else -> break
        od;
        CHECK(b_slot_lost, zmask == (1 << SLOTS) - 1);
        z = 0; zc = 0; zmask = 0
}

/*
 * A step, and what may come instead of it: the death of the process. Each file
 * says in MYTURN when its processes still run, and in FORGET what dies with them.
 */
#ifdef SOLO
#define STEP            if :: atomic { MYTURN ->
#define ALL_RUN         && solo == 0
#define MYTURN_AND      MYTURN &&
#else
#define STEP            if :: atomic {
#define ALL_RUN
#define MYTURN_AND
#endif
#define STEP_UNKILLED   } fi
#if KILLS > 0
#define OR_DIE          :: atomic { kills > 0 ALL_RUN -> d_step { kills--; FORGET }; goto killed }
#else
#define OR_DIE
#endif
#define STEP_END        } OR_DIE fi

#ifdef MUT_EVICT_DROPS_PIN
#define EVICT(i)        C[i] = CURSOR(RPOS(C[i]), 0, 0)
#else
#define EVICT(i)        C[i] = C[i] - GATED
#endif

#include "producer.pml"
#if R > 0
#include "reader.pml"
#endif

init {
        atomic {
                d_step {
                        z = 0;
                        do
                        :: z < N -> E[z] = ENTRY(z, NOBODY, z); content[z] = z; z++
                        :: else -> break
                        od;
                        z = 0;
                        do
                        :: z < PORTS * K -> S[z] = CELL(N + z, 0); z++
                        :: else -> break
                        od;
                        z = 0
                };
                z = 0;
                do
                :: z < P -> run Producer(z); z++
                :: else -> break
                od;
#if R > 0
                z = 0;
                do
                :: z < R -> run Reader(z); z++
                :: else -> break
                od;
#endif
                z = 0
        };
        /* From here on the outside world: whoever evicts, and the freezer. */
end_world:
        do
#if EVICTS > 0
        /* One compare-and-swap on the exact cursor that clears the gated bit alone. */
        :: atomic { evicts > 0 && RGATE(C[0]) -> d_step { EVICT(0); evicts-- } }
#if R > 1
        :: atomic { evicts > 0 && RGATE(C[1]) -> d_step { EVICT(1); evicts-- } }
#endif
#endif
#ifdef SOLO
        :: atomic { solo == 0 && !finished[0] -> solo = 1 }
#if P > 1
        :: atomic { solo == 0 && !finished[1] -> solo = 2 }
#endif
#if P > 2
        :: atomic { solo == 0 && !finished[2] -> solo = 3 }
#endif
#endif
        :: false
        od
}
