/*
 * Reader: join, pin ahead, look, read in place, give back; leave, die, be recovered.
 *
 * Nobody but the reader moves its cursor, and all others ever do to it is clear
 * the gated bit. So "CAS, keeping the gated bit, again until it holds" is one step
 * here: an attempt that fails changes nothing and learns only that bit.
 *
 * A move pins W positions from there on, published or not, and whatever is looked
 * at afterwards is pinned already. When the cursor moves is left open: it may at
 * any time, and it must when all that is pinned has been read.
 */

#undef MYTURN
#undef FORGET
#define MYTURN  (solo == 0)
#define FORGET  r = 0; k = 0; upto = 0; w = 0; t = 0; held[i] = 0; FORGET_AT

#define GATE_NOW        RGATE(C[i])

/* The oldest position that may still be there, any that a caller asks for, or the newest. */
#define OLDEST(tail)    ((tail) < 2 * N -> N : (tail) - N)
#ifdef ANY
#define START(tail)     (at < OLDEST(tail) -> OLDEST(tail) : at)
#define FORGET_AT       at = 0
#else
#define FORGET_AT       skip
#ifdef OLD
#define START(tail)     OLDEST(tail)
#else
#define START(tail)     (tail)
#endif
#endif

#if defined(OLD) || defined(REGAIN)
#define BASE    base
#else
#define BASE    0
#endif

/*
 * Option: an evicted reader may take its gate again with a move. From the tail of
 * that instant on it is promised again that nothing is missed. When it does so is
 * left open, since only the promise matters here.
 */
#ifdef REGAIN
#define MAY_REGAIN      if :: !GATE_NOW -> again = GATED :: again = 0 fi
#define GATE_NEXT       (GATE_NOW | again)
#define OR_UNGATED      || !GATE_NOW
#ifdef MUT_REGAIN_KEEPS_BASE
#define REGAINED        again = 0
#else
#define REGAINED        if :: again -> base = T; again = 0 :: else fi
#endif
#else
#define MAY_REGAIN      skip
#define GATE_NEXT       GATE_NOW
#define OR_UNGATED
#define REGAINED        skip
#endif

#ifdef COUNT
#define GOT(n)          got = got + n
#define MISSED(n)       missed = missed + n; CHECK(d_missed_inexact, got + missed == POS(w) - from)
#else
#define GOT(n)          skip
#define MISSED(n)       skip
#endif

/* The position lies in what the cursor pins. */
#ifdef MUT_PAST_PIN
#define IN_PIN(pos)     ((pos) <= upto)
#else
#define IN_PIN(pos)     ((pos) < upto)
#endif

#ifdef MUT_COUNT_PINNED
#define READ            W
#else
#define READ            k
#endif

/* There is something to move for. An idle reader moves, too: nobody may wait for it. */
#ifdef MUT_IDLE_KEEPS_CURSOR
#define MAY_MOVE        ((upto != r + W OR_UNGATED) && POS(E[r % N]) >= r)
#else
#define MAY_MOVE        (upto != r + W OR_UNGATED)
#endif

/* The cursor comes to position to, and pins a whole window from there on. */
inline move(to)
{
        CHECK(r_cursor_back, RPOS(C[i]) <= to);
        C[i] = CURSOR(to, W, GATE_NEXT);
        REGAINED;
        upto = to + W
}

/* One entry: the next event of the window, or an overrun where one is to begin. */
inline looked()
{
        w = E[(r + k) % N];
        if
        :: POS(w) == r + k ->
                CHECK(a_wrong_event, content[SLOT(w)] == r + k);
                k++; held[i] = r << 4 | k
        :: POS(w) > r + k && k == 0 ->
                CHECK(d_gated_reader_missed, !GATE_NOW || r < BASE);
                MISSED(POS(w) - r);
                r = POS(w); upto = r
        :: else
        fi;
        w = 0
}

proctype Reader(byte i)
{
        byte r, k;              /* the window: its first position, and how many */
        byte upto;              /* behind the last position that is pinned */
        byte t;
#ifdef ANY
        byte at;                /* where it is to start */
#endif
        short w;
        byte joins;             /* ghost: survives the process */
#if defined(OLD) || defined(REGAIN)
        byte base;              /* join point: nothing before it is promised */
#endif
#ifdef REGAIN
        byte again;             /* the gate comes back with this pin */
#endif
#ifdef DURABLE
        bool joined;            /* in the durable record: the join is complete */
#endif
#ifdef COUNT
        byte got, missed, from;
#endif

join:
        joins++;
#ifndef MUT_H_LATE
        STEP
                if :: H <= i -> H = i + 1 :: else fi
        STEP_END;
#endif
        STEP
                t = T
#ifdef ANY
                ;
                /* Whatever was published by now, be it ahead of the tail, or the next. */
                at = OLDEST(t);
                do
                :: POS(E[at % N]) >= at -> at++
                :: true -> break
                od
#endif
        STEP_END;
        STEP
                C[i] = CURSOR(START(t), 0, JOINGATE);
#ifdef MUT_JOIN_NO_REREAD
                r = START(t); upto = r; t = 0; goto look;
#endif
#ifdef MUT_HALF_JOINED
                joined = true;
#endif
                t = 0
        STEP_END;
#ifdef OLD
        STEP
                gen++
        STEP_END;
#endif
        /* Whoever scanned without seeing this cursor had loaded an older tail. */
        STEP
                t = T
        STEP_END;
#ifdef LAZY
        /* The first that is not published, also where the tail does not say so. */
to_the_end:
        STEP
                if :: POS(E[t % N]) >= t -> t = POS(E[t % N]) + 1; goto to_the_end :: else fi
        STEP_END;
#endif
#ifdef MUT_H_LATE
        STEP
                if :: H <= i -> H = i + 1 :: else fi
        STEP_END;
#endif
        STEP
                d_step {
                        C[i] = CURSOR(START(t), 0, GATE_NOW);
                        r = START(t); upto = r;
#if defined(OLD) || defined(REGAIN)
                        base = t;
#endif
#ifdef COUNT
                        from = r; got = 0; missed = 0;
#endif
#ifdef ANY
                        at = 0;
#endif
                        t = 0
                }
        STEP_END;
#if defined(DURABLE) && !defined(MUT_HALF_JOINED)
        STEP
                joined = true
        STEP_END;
#endif

        /* Nothing is read in place here. */
look:
end_look:
        if
        :: atomic { MYTURN_AND IN_PIN(r) && POS(E[r % N]) >= r ->
                d_step { looked() };
                if :: k > 0 -> goto reading :: else -> goto look fi
        }
        :: atomic { MYTURN_AND MAY_MOVE ->
                MAY_REGAIN;
                d_step { move(r) };
                goto look
        }
#ifdef MUT_LOOK_BEFORE_PIN
        :: atomic { MYTURN_AND upto == r && POS(E[r % N]) == r -> w = E[r % N]; goto late_pin }
#endif
#if JOINS > 1
        :: atomic { joins < JOINS ->
                d_step { C[i] = NONE; FORGET };
                goto join
        }
#endif
        OR_DIE
        fi;

#ifdef MUT_LOOK_BEFORE_PIN
late_pin:
        STEP
                d_step {
                        move(r);
                        CHECK(a_wrong_event, content[SLOT(w)] == r);
                        k = 1; held[i] = r << 4 | k; w = 0
                }
        STEP_END;
#endif

        /* Reads in place for as long as it likes. */
reading:
        if
        :: atomic { MYTURN_AND true ->                  /* gives all of it back */
                MAY_REGAIN;
                d_step { GOT(READ); r = r + k; k = 0; held[i] = 0; move(r) };
                goto look
        }
#if W > 1 || defined(MUT_PAST_PIN)
        :: atomic { MYTURN_AND k > 1 ->                 /* gives the first of it back */
                MAY_REGAIN;
                d_step { GOT(1); r++; k--; held[i] = r << 4 | k; move(r) };
                goto reading
        }
        :: atomic { MYTURN_AND true ->                  /* goes on under the same pin, or finds nothing */
                d_step { GOT(READ); r = r + k; k = 0; held[i] = 0 };
                goto look
        }
        :: atomic { MYTURN_AND IN_PIN(r + k) && POS(E[(r + k) % N]) == r + k -> /* adds to the window */
                d_step { looked() };
                goto reading
        }
        :: atomic { MYTURN_AND upto != r + W ->         /* to have pins for that */
                MAY_REGAIN;
                d_step { move(r) };
                goto reading
        }
#endif
        OR_DIE
        fi;

killed:
#ifdef DURABLE
        STEP
                d_step {
                        if
                        :: joined && C[i] != NONE -> C[i] = CURSOR(RPOS(C[i]), 0, GATE_NOW); r = RPOS(C[i]); upto = r
                        :: else -> C[i] = NONE
                        fi
                };
                if :: joined -> goto look :: else fi
        STEP_UNKILLED;
#else
        STEP
                C[i] = NONE
        STEP_UNKILLED;
#endif
        if
        :: joins < JOINS -> goto join
        :: else
        fi
}
