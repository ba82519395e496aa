/*
 * Reader: join, pin, re-read, read in place, give back; leave, die, be recovered.
 *
 * Nobody but the reader moves its cursor, and all others ever do to it is clear
 * the gated bit. So "CAS, keeping the gated bit, again until it holds" is one step
 * here: an attempt that fails changes nothing and learns only that bit.
 */

#undef MYTURN
#undef FORGET
#define MYTURN  (solo == 0)
#define FORGET  r = 0; m = 0; k = 0; w = 0; t = 0; held[i] = 0; FORGET_AT

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

/* Option: what was pinned while the gate still held needs no second look. */
#ifdef SKIP_REREAD
#ifdef MUT_SKIP_BELOW_BASE
#define TRUSTED         GATE_NOW
#else
#define TRUSTED         (GATE_NOW && r >= BASE)
#endif
#else
#define TRUSTED         false
#endif

#if defined(OLD) || defined(REGAIN)
#define BASE    base
#else
#define BASE    0
#endif

/*
 * Option: an evicted reader may take its gate again with a pin. From the tail of
 * that instant on it is promised again that nothing is missed. When it does so is
 * left open, since only the promise matters here.
 */
#ifdef REGAIN
#define MAY_REGAIN      if :: !GATE_NOW -> again = GATED :: again = 0 fi
#define GATE_NEXT       (GATE_NOW | again)
#ifdef MUT_REGAIN_KEEPS_BASE
#define REGAINED        skip
#else
#define REGAINED        if :: again -> base = T :: else fi
#endif
#else
#define MAY_REGAIN      skip
#define GATE_NEXT       GATE_NOW
#define REGAINED        skip
#endif

#ifdef COUNT
#define GOT(n)          got = got + n
#define MISSED(n)       missed = missed + n; CHECK(d_missed_inexact, got + missed == POS(w) - from)
#else
#define GOT(n)          skip
#define MISSED(n)       skip
#endif

/* An event of this lap or, after an overrun, of a later one. */
inline first_look()
{
        if
        :: POS(w) > r ->
                CHECK(d_gated_reader_missed, !GATE_NOW || r < BASE);
                MISSED(POS(w) - r);
                r = POS(w)
        :: else
        fi;
        m = 1;
#ifndef MUT_NO_REREAD
        w = 0
#endif
}

proctype Reader(byte i)
{
        byte r;                 /* next position to look at */
        byte m, k;              /* looked at from r, of these validated */
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
                r = START(t); t = 0; goto look;
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
#ifdef MUT_H_LATE
        STEP
                if :: H <= i -> H = i + 1 :: else fi
        STEP_END;
#endif
        STEP
                d_step {
                        C[i] = CURSOR(START(t), 0, GATE_NOW);
                        r = START(t);
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

look:
end_look:
        if
        :: atomic { MYTURN_AND POS(E[r % N]) >= r ->
                d_step { w = E[r % N]; first_look() };
                if :: m == W -> goto pin :: else goto look_on fi
        }
#if JOINS > 1
        :: atomic { joins < JOINS ->
                d_step { C[i] = NONE; FORGET };
                goto join
        }
#endif
        OR_DIE
        fi;
look_on:
        STEP
                w = E[(r + m) % N];
                if
                :: POS(w) == r + m && m + 1 < W -> m++; w = 0; goto look_on
                :: POS(w) == r + m && m + 1 == W -> m++; w = 0
                :: else -> w = 0
                fi
        STEP_END;

pin:
        STEP
                MAY_REGAIN;
                d_step {
                        CHECK(r_cursor_back, RPOS(C[i]) <= r);
                        REGAINED;
                        C[i] = CURSOR(r, m, GATE_NEXT);
#ifdef REGAIN
                        again = 0;
#endif
                        held[i] = 0;
#ifdef MUT_NO_REREAD
                        CHECK(a_wrong_event, content[SLOT(w)] == r);
                        w = 0; k = m; held[i] = r << 4 | k;
#else
                        if
                        :: TRUSTED ->
                                z = 0;
                                do
                                :: z < m -> CHECK(a_wrong_event, POS(E[(r + z) % N]) == r + z); z++
                                :: else -> break
                                od;
                                z = 0;
                                k = m; held[i] = r << 4 | k
                        :: else
                        fi
#endif
                };
                if :: k > 0 -> goto reading :: else fi
        STEP_END;

validate:
        STEP
                w = E[(r + k) % N];
                if
                :: POS(w) == r + k ->
                        d_step {
                                CHECK(a_wrong_event, content[SLOT(w)] == r + k);
                                k++; held[i] = r << 4 | k; w = 0
                        };
                        if :: k < m -> goto validate :: else fi
                :: else ->
                        CHECK(d_gated_reader_missed, !GATE_NOW || r < BASE);
                        w = 0
                fi
        STEP_END;

        /* Reads in place for as long as it likes, then gives back in one of three ways. */
reading:
        if
        :: atomic { MYTURN_AND true ->                  /* all of it */
#ifdef MUT_COUNT_PINNED
                d_step { r = r + k; GOT(m); m = 0; k = 0; held[i] = 0; C[i] = CURSOR(r, 0, GATE_NOW) };
#else
                d_step { r = r + k; GOT(k); m = 0; k = 0; held[i] = 0; C[i] = CURSOR(r, 0, GATE_NOW) };
#endif
                goto look
        }
#if W > 1
        :: atomic { MYTURN_AND k > 1 ->                 /* the first of it */
                d_step { r++; GOT(1); m--; k--; held[i] = r << 4 | k; C[i] = CURSOR(r, m, GATE_NOW) };
                goto reading
        }
#endif
        :: atomic { MYTURN_AND POS(E[(r + k) % N]) >= r + k ->  /* together with the next pin */
                d_step { r = r + k; GOT(k); m = 0; k = 0; w = E[r % N]; first_look() };
                if :: m == W -> goto pin :: else goto look_on fi
        }
        OR_DIE
        fi;

killed:
#ifdef DURABLE
        STEP
                d_step {
                        if
                        :: joined && C[i] != NONE -> C[i] = CURSOR(RPOS(C[i]), 0, GATE_NOW); r = RPOS(C[i])
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
