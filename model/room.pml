/*
 * The room bell: publishers of a reliable lane that sleep until a reader moves.
 *
 * Beside each reader's cursor is a word `want`, the lowest position a sleeping
 * publisher waits for it to reach, and the lane has one count to sleep on. Readers
 * and publishers can be killed before each step. As in wake.pml, a sleep runs into
 * its bound only after a death and when nothing else can move. Publishing itself is one compare-and-swap here;
 * exchange.pml has it in full.
 */

#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef READERS
#define READERS 2
#endif
#ifndef N
#define N 1             /* entries */
#endif
#ifndef M
#define M 2             /* events of a publisher */
#endif
#ifndef BATCH
#define BATCH 1         /* positions at once of all publishers but the first */
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef LEAVES
#define LEAVES 0        /* readers that leave of their own will */
#endif

#ifndef STOPS
#define STOPS 0         /* readers that read no further, but live and keep their gate */
#endif

#define FIRST   1       /* first position; 0 in `want` means nobody waits */

byte published = FIRST;
byte pos[READERS] = FIRST;
bool gates[READERS] = true;     /* the cursor is registered and gated */
byte want[READERS];
bool room_seen[PUBLISHERS];     /* the lane's count still is what this one has read */
bool asleep[PUBLISHERS];        /* the kernel's queue */
bool dead[READERS];             /* its lock byte can be taken */

/* Ghosts. */
byte deaths, leaves = LEAVES, stops = STOPS;
byte heals[PUBLISHERS];
byte need[PUBLISHERS];          /* position an asleep publisher needs all readers at */
bool finished[PUBLISHERS];

hidden byte overran;            /* published over an event a reader gates */
hidden byte lost_wakeup;        /* asleep for ever */
hidden byte healed_again;       /* one death cost a publisher more than one bounded wait */
#define CHECK(prop, cond)       prop = (cond); assert(prop)

hidden byte z;

#define BLOCKS(i, target)       (gates[i] && pos[i] < (target))

/* The sleep of publisher k is pointless, or waits for the dead. */
#define HOLDS(i, k)     (BLOCKS(i, need[k]) && !dead[i])
#if READERS == 1
#define STRANDED(k)     (asleep[k] && !HOLDS(0, k))
#else
#define STRANDED(k)     (asleep[k] && !HOLDS(0, k) && !HOLDS(1, k))
#endif

#if PUBLISHERS == 1
#define ANY_STRANDED    STRANDED(0)
#elif PUBLISHERS == 2
#define ANY_STRANDED    STRANDED(0) || STRANDED(1)
#else
#define ANY_STRANDED    STRANDED(0) || STRANDED(1) || STRANDED(2)
#endif

inline add_to_room()
{
        z = 0;
        do
        :: z < PUBLISHERS -> room_seen[z] = false; z++
        :: else -> break
        od;
        z = 0
}

inline wake()
{
        z = 0;
        do
        :: z < PUBLISHERS ->
                if
                :: asleep[z] ->
                        asleep[z] = false; need[z] = 0;
#ifdef MUT_WAKE_ONE
                        break
#endif
                :: else
                fi;
                z++
        :: else -> break
        od;
        z = 0
}

#define STEP            if :: atomic {
#define OR_DIE          :: atomic { deaths < KILLS -> deaths++; goto killed }
#define STEP_END        } OR_DIE fi

#define ASK             (k == 0 -> 1 : BATCH)
#define TARGET          (s - N + ASK)

proctype Publisher(byte k)
{
        byte s, i, x, n;
try:
        if :: n == M -> goto done :: else fi;
        STEP
                s = published; i = 0
        STEP_END;
scan:
        STEP
                if
                :: s + ASK > N && BLOCKS(i, TARGET) -> goto arm
                :: else -> i++
                fi;
                if :: i < READERS -> goto scan :: else -> i = 0 fi
        STEP_END;
        STEP
                if
                :: published == s ->
                        d_step {
                                published = published + ASK; n++;
                                z = 0;
                                do
                                :: z < READERS -> CHECK(overran, !gates[z] || published - pos[z] <= N); z++
                                :: else -> break
                                od;
                                z = 0; s = 0
                        }
                :: else -> s = 0
                fi;
                goto try
        STEP_END;

arm:
#ifndef MUT_COUNT_AFTER_RECHECK
        STEP
                room_seen[k] = true
        STEP_END;
#endif
arm_reader:
        STEP
                x = want[i];
#ifdef MUT_WANT_RAISED
                if :: x == TARGET -> goto armed :: else fi
#else
                if :: x != 0 && x <= TARGET -> goto armed :: else fi
#endif
        STEP_END;
        STEP
                if
                :: want[i] == x -> want[i] = TARGET
                :: else -> goto arm_reader
                fi
        STEP_END;
armed:
        x = 0;
#ifndef MUT_NO_CURSOR_RECHECK
        STEP
                if
                :: !BLOCKS(i, TARGET) -> s = 0; i = 0; room_seen[k] = false; goto try
                :: else
                fi
        STEP_END;
#endif
        /* A dead reader is recovered, not waited for. */
        STEP
                if
                :: dead[i] -> goto recover
                :: else
                fi
        STEP_END;
#ifdef WANT_ALL
        /* Arm the other readers that block as well, not only the first. */
more:
        STEP
                i++;
                if
                :: i < READERS && BLOCKS(i, TARGET) -> goto arm_reader
                :: i < READERS && !BLOCKS(i, TARGET) -> goto more
                :: else
                fi
        STEP_END;
#endif
#ifdef MUT_COUNT_AFTER_RECHECK
        STEP
                room_seen[k] = true
        STEP_END;
#endif
        STEP
                if
                :: room_seen[k] -> asleep[k] = true; need[k] = TARGET
                :: else
                fi;
                s = 0; i = 0; room_seen[k] = false
        STEP_END;
end_asleep:
        if
        :: atomic { !asleep[k] -> goto try }
        :: atomic {
                timeout && deaths > 0 && STRANDED(k) ->
                d_step {
                        asleep[k] = false; need[k] = 0;
                        heals[k]++;
                        CHECK(healed_again, heals[k] <= deaths)
                };
                goto try
        }
        OR_DIE
        fi;

        /* Under the dead reader's lock byte. */
recover:
        STEP
                gates[i] = false; s = 0; i = 0; room_seen[k] = false
        STEP_END;
        STEP
                d_step { add_to_room() }
        STEP_END;
        STEP
                d_step { wake() }
        STEP_END;
        goto try;

killed:
        atomic { asleep[k] = false; need[k] = 0 };
done:
        atomic { finished[k] = true; s = 0; i = 0; room_seen[k] = false; x = 0; n = 0 }
}

proctype Reader(byte i)
{
        byte x;
        bool leaving;
read:
end_read:
        if
        :: atomic { pos[i] < published && gates[i] ->
#ifdef MUT_WANT_BEFORE_CURSOR
                x = want[i]
        }
        OR_DIE
        fi;
        STEP
#endif
                pos[i]++
        }
        :: atomic { stops > 0 -> stops--; goto left }
        :: atomic { leaves > 0 && gates[i] -> leaves--; gates[i] = false; leaving = true
#ifdef MUT_LEAVE_SILENT
                ; goto left
#endif
        }
        OR_DIE
        fi;
#ifndef MUT_WANT_BEFORE_CURSOR
        STEP
                x = want[i]
        STEP_END;
#endif
        atomic {
                if
                :: x != 0 && (leaving || pos[i] >= x) -> x = 0
                :: else -> x = 0; if :: leaving -> goto left :: else -> goto read fi
                fi
        };
        STEP
                want[i] = 0
        STEP_END;
#ifndef MUT_ROOM_NO_COUNT
        STEP
                d_step { add_to_room() }
        STEP_END;
#endif
        STEP
                d_step { wake() };
                if :: leaving -> goto left :: else -> goto read fi
        STEP_END;

killed:
        atomic { dead[i] = true; x = 0; leaving = false };
left:
        leaving = false
}

init {
        atomic {
                z = 0;
                do :: z < READERS -> run Reader(z); z++ :: else -> break od;
                z = 0;
                do :: z < PUBLISHERS -> run Publisher(z); z++ :: else -> break od;
                z = 0
        };
        /*
         * Nothing can move any more. Nobody sleeps while there is room, and unless a
         * reader has stopped there is room for everybody in the end.
         */
        timeout && !(deaths > 0 && (ANY_STRANDED));
        d_step {
                z = 0;
                do
                :: z < PUBLISHERS -> CHECK(lost_wakeup, (stops < STOPS && !STRANDED(z)) || finished[z]); z++
                :: else -> break
                od
        }
}
