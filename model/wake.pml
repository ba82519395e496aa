/*
 * The bell: sleeping until an event of interest is published, and waking.
 *
 * Two words, `interest` and `count`. Every STEP is one access to shared memory
 * or one system call. Publishers and sleepers can be killed before each. The
 * bounded wait ends a sleep only when nothing else can move and a publisher has
 * died, so with live publishers nothing here ever depends on a timeout.
 *
 * Event types 1 and 2 are folded into one bit of the mask, as many types are.
 */

#ifndef SLEEPERS
#define SLEEPERS 2
#endif
#ifndef PUBLISHERS
#define PUBLISHERS 2
#endif
#ifndef M
#define M 2             /* events of a publisher, or fewer */
#endif
#ifndef KILLS
#define KILLS 1         /* publishers killed in one run */
#endif
#ifndef SLEEPER_KILLS
#define SLEEPER_KILLS 0
#endif
#ifndef SPURIOUS
#define SPURIOUS 0      /* sleeps that end for no reason: a signal, an early bound */
#endif
#ifndef CANCELS
#define CANCELS 0       /* sleepers cancelled */
#endif

#define BIT(type)       ((type) == 0 -> 1 : 2)
#define CANCEL_BIT      4       /* both sleepers fold to the same bit */

/* Sleeper 0 wants types 0 and 1, the others 1 and 2: the masks overlap in a bit. */
#define WANTS(i, type)  ((i) == 0 -> (type) <= 1 : (type) >= 1)
#define MASK(i)         ((i) == 0 -> 3 : 2)

/*
 * The bell. Of the count only one thing matters: whether it still is what a
 * sleeper has read. So it is kept as that, one flag for each sleeper, and its
 * wrap-around is left out.
 */
byte interest;
bool count_seen[SLEEPERS];
bool cancelled[SLEEPERS];       /* local flag of the sleeper's own process */

byte asleep[SLEEPERS];          /* the kernel's queue: mask of a waiter, 0: awake */

/*
 * The lane, as far as sleeping is concerned: whether a look at sleeper i's cursor
 * finds anything, and whether something it wants is among that.
 */
bool unread[SLEEPERS], wanted[SLEEPERS];

/* Ghosts. */
byte deaths;                    /* publishers killed */
byte heals[SLEEPERS];           /* sleeps that had to run into their bound */
byte sleeper_kills = SLEEPER_KILLS;
byte spurious = SPURIOUS;

hidden byte lost_wakeup;        /* asleep for ever, with an event to read */
hidden byte lost_cancel;        /* asleep for ever, though cancelled */
hidden byte healed_again;       /* one dead publisher cost more than one bounded wait */
#define CHECK(prop, cond)       prop = (cond); assert(prop)

hidden byte z;

#define STRANDED(i)     (asleep[i] && wanted[i])
#if SLEEPERS == 2
#define ANY_STRANDED    STRANDED(0) || STRANDED(1)
#else
#define ANY_STRANDED    STRANDED(0) || STRANDED(1) || STRANDED(2)
#endif

inline publish(type)
{
        z = 0;
        do
        :: z < SLEEPERS ->
                unread[z] = true;
                if :: WANTS(z, type) -> wanted[z] = true :: else fi;
                z++
        :: else -> break
        od;
        z = 0
}

inline add_to_count()
{
        z = 0;
        do
        :: z < SLEEPERS -> count_seen[z] = false; z++
        :: else -> break
        od;
        z = 0
}

/* FUTEX_WAKE_BITSET: everybody who waits with this bit. */
inline wake(mask)
{
        z = 0;
        do
        :: z < SLEEPERS ->
                if
                :: asleep[z] & (mask) ->
                        asleep[z] = 0;
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
#define OR_DIE          :: atomic { DIE }
#define STEP_END        } OR_DIE fi

#define DIE     deaths < KILLS -> deaths++; goto killed

proctype Publisher()
{
        byte type, n;
#ifdef MUT_INTEREST_BEFORE_CAS
        byte x;
#endif
next:
        if
        :: n == M -> goto done
        :: n < M -> goto done                   /* a shorter run */
        :: n < M -> n++
        fi;
#ifdef MUT_INTEREST_BEFORE_CAS
        STEP
                x = interest
        STEP_END;
#endif
        /* The exchange of a ring entry, for an event of any type. */
        STEP
                if :: type = 0 :: type = 1 :: type = 2 fi;
                d_step { publish(type) }
        STEP_END;
        /* Nobody asleep costs this load. */
        STEP
#ifdef MUT_INTEREST_BEFORE_CAS
                if :: x & BIT(type) -> x = 0 :: else -> type = 0; x = 0; goto next fi
#else
                if :: interest & BIT(type) :: else -> type = 0; goto next fi
#endif
        STEP_END;
#ifndef MUT_CLEAR_AFTER_WAKE
        STEP
#ifdef MUT_CLEAR_ALL
                interest = 0
#else
                interest = interest & ~BIT(type)
#endif
        STEP_END;
#endif
#ifndef MUT_WAKE_NO_COUNT
        STEP
                d_step { add_to_count() }
        STEP_END;
#endif
        STEP
                d_step { wake(BIT(type)) }
        STEP_END;
#ifdef MUT_CLEAR_AFTER_WAKE
        STEP
                interest = interest & ~BIT(type)
        STEP_END;
#endif
        type = 0;
        goto next;

killed:
done:
        atomic { type = 0; n = 0 }
}

#undef DIE
#define DIE     sleeper_kills > 0 -> sleeper_kills--; goto killed

proctype Sleeper(byte i)
{
look:
        STEP
                if
                :: unread[i] -> unread[i] = false; wanted[i] = false; goto look
                :: else
                fi
        STEP_END;

#ifdef MUT_FLAG_BEFORE_COUNT
        STEP
                if :: cancelled[i] -> goto leave :: else fi
        STEP_END;
#endif
#ifndef MUT_COUNT_AFTER_RECHECK
        STEP
                count_seen[i] = true
        STEP_END;
#endif
#ifndef MUT_FLAG_BEFORE_COUNT
        STEP
                if :: cancelled[i] -> goto leave :: else fi
        STEP_END;
#endif
#ifndef MUT_ARM_AFTER_RECHECK
        STEP
                interest = interest | MASK(i)
        STEP_END;
#endif
#ifndef MUT_NO_RECHECK
        STEP
                if
                :: unread[i] -> count_seen[i] = false; goto look
                :: else
                fi
        STEP_END;
#endif
#ifdef MUT_ARM_AFTER_RECHECK
        STEP
                interest = interest | MASK(i)
        STEP_END;
#endif
#ifdef MUT_COUNT_AFTER_RECHECK
        STEP
                count_seen[i] = true
        STEP_END;
#endif
        /* FUTEX_WAIT_BITSET compares and queues in one step. */
        STEP
                if
                :: count_seen[i] -> asleep[i] = MASK(i) | CANCEL_BIT; count_seen[i] = false
                :: else -> goto look
                fi
        STEP_END;
end_asleep:
        if
        :: atomic { asleep[i] == 0 -> goto look }
        :: atomic {
                timeout && deaths > 0 && STRANDED(i) ->
                d_step {
                        asleep[i] = 0;
                        heals[i]++;
                        CHECK(healed_again, heals[i] <= deaths)
                };
                goto look
        }
        :: atomic { spurious > 0 && asleep[i] -> spurious--; asleep[i] = 0; goto look }
        OR_DIE
        fi;

leave:
killed:
        atomic { asleep[i] = 0; count_seen[i] = false; unread[i] = false; wanted[i] = false }
}

/* Runs in the sleeper's process: a context that ends, a deadline, Close. */
proctype Canceller(byte i)
{
        cancelled[i] = true;
#ifndef MUT_CANCEL_NO_COUNT
        d_step { add_to_count() };
#endif
        d_step { wake(CANCEL_BIT) }
}

init {
        atomic {
                z = 0;
                do :: z < SLEEPERS -> run Sleeper(z); z++ :: else -> break od;
                z = 0;
                do :: z < PUBLISHERS -> run Publisher(); z++ :: else -> break od;
                z = 0;
                do :: z < CANCELS -> run Canceller(z); z++ :: else -> break od;
                z = 0
        };
        /* Nothing can move any more: whoever sleeps now sleeps for ever. */
        timeout && !(deaths > 0 && (ANY_STRANDED));
        d_step {
                z = 0;
                do
                :: z < SLEEPERS ->
                        CHECK(lost_wakeup, !STRANDED(z));
                        CHECK(lost_cancel, !(cancelled[z] && asleep[z]));
                        z++
                :: else -> break
                od
        }
}
