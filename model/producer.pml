/*
 * Producer: publish by exchange, and the recovery of its port after its death.
 *
 * Recovery runs under the dead process' lock byte, so at most one recoverer is
 * at work and it works only while the producer is dead. That lets one proctype
 * be both: after `killed` it is whoever holds the lock, which may be killed in
 * turn, and after the recovery it is the next process on the port, with empty
 * caches.
 */

#define FAR     100             /* past every position of a run */

#undef MYTURN
#undef FORGET
#define MYTURN  (solo == 0 || solo == me + 1)
#define FORGET  forget()

#define QUOTA   (me == 0 -> M0 : M)

#ifdef SOLO
bool finished[P];
#endif

/* Private memory dies with its process: caches and the publish at hand. */
inline forget()
{
        free = 0; safe = 0; limit = 0;
        z = 0;
        do
        :: z < PORTS -> seen[z] = 0; z++
        :: else -> break
        od;
        z = 0;
        todo = 0; j = 0; s = 0; t = 0; w = 0; x = 0; gating = false;
        b = 0; h = 0; spos = 0; gpos = 0; tpos = 0; pinned = 0;
#ifdef OLD
        mygen = 0;
#endif
#if B > 1
        order = 0;
#endif
#ifdef MUT_SCAN_BEFORE_CAS
        pre = false;
#endif
#ifdef MUT_CELL_BEFORE_CAS
        wrote[me] = 0;
#endif
}

/* Whether cell z of port p may be filled now. */
#ifdef MUT_NO_SCAN
#define USABLE(z)       true
#else
#define USABLE(z)       ((free >> (z) & 1) || CKEY(S[p*K+(z)]) < safe)
#endif

#ifdef MUT_FULL_BY_TAIL
#define READER_GATES    true
#else
#define READER_GATES    (s >= gpos + N)
#endif

#if B > 1
#define END_OF_BATCH    todo = 0; order = 0
#define NUMBER(slot, n) nth[slot] = n
#else
#define END_OF_BATCH    todo = 0
#define NUMBER(slot, n) skip
#endif

/* Free cells are chosen and filled: the old events of their slots are gone from here on. */
inline fill_cells()
{
        todo = 0; zc = 0; z = 0;
        do
        :: z < K && zc < B && zc < QUOTA - sent ->
                if
                :: USABLE(z) ->
                        todo = todo | 1 << z;
                        zc++;
                        NUMBER(CSLOT(S[p*K+z]), zc);
                        not_read(content[CSLOT(S[p*K+z])]);
                        content[CSLOT(S[p*K+z])] = 0
                :: else
                fi;
                z++
        :: else -> break
        od;
        z = 0; zc = 0;
        lowest()
}

/* j becomes the next filled cell. */
inline lowest()
{
#ifdef MUT_BATCH_ORDER
        j = (todo -> K - 1 : 0);
        do
        :: todo != 0 && !(todo >> j & 1) -> j--
#else
        j = 0;
        do
        :: todo != 0 && !(todo >> j & 1) -> j++
#endif
        :: else -> break
        od
}

/* No reader reads the event of this position in place. */
inline not_read(pos)
{
#if R > 0
        zr = 0;
        do
        :: zr < R ->
                CHECK(a_reuse_under_reader, !(pos >= (held[zr] >> 4) && pos < (held[zr] >> 4) + (held[zr] & 15)));
                zr++
        :: else -> break
        od;
        zr = 0
#else
        skip
#endif
}

/* One cursor of a scan. */
inline look_at_cursor(c)
{
        if
        :: c != NONE ->
                if :: RPOS(c) < spos -> spos = RPOS(c) :: else fi;
                if :: RGATE(c) && RPOS(c) < gpos -> gpos = RPOS(c) :: else fi;
                z = 0;
                do
                :: z < K ->
                        if
                        :: CKEY(S[p*K+z]) >= RPOS(c) && CKEY(S[p*K+z]) < RPOS(c) + RPINS(c) -> pinned = pinned | 1 << z
                        :: else
                        fi;
                        z++
                :: else -> break
                od;
                z = 0
        :: else
        fi
}

/* After the last cursor: what the producer now knows. */
inline scan_result()
{
        free = ((1 << K) - 1) & ~pinned;
        pinned = 0;
#ifdef MUT_SAFE_NO_TAIL
        safe = spos;
#else
        safe = (spos < tpos -> spos : tpos);
#endif
#ifndef RELIABLE
        skip;
#elif defined(MUT_LIMIT_NO_TAIL)
        limit = (gpos == FAR -> FAR : gpos + N);
#else
        limit = (gpos < tpos -> gpos : tpos) + N;
#endif
        spos = 0; tpos = 0
}

/* Where the flow goes on after a scan, in the step of its last load. */
#define AFTER_SCAN \
        d_step { scan_result() }; \
        if \
        :: !gating -> \
                gpos = 0; \
                if \
                :: free == 0 -> NO_SLOT; goto idle \
                :: else -> goto idle \
                fi \
        :: else -> \
                gating = false; \
                if \
                :: s < limit -> gpos = 0; NEXT_AFTER_GATE \
                :: s >= limit && !(READER_GATES) -> gpos = 0; s = 0; w = 0; TRY; goto from_tail \
                :: else -> gpos = 0; w = 0; goto no_room \
                fi \
        fi

/*
 * A producer that finds no usable cell right after a scan would fail with "no
 * slot". With the pin budget K >= B + all pins that must not happen at all.
 */
#ifdef NO_BUDGET
#define NO_SLOT skip
#else
#define NO_SLOT CHECK(h_no_slot, false)
#endif

/* Passes of a producer that runs alone; bounded, or it would be spinning. */
#ifdef SOLO
#define MAXTRIES (2 * N + 4)
#define SCAN_BEGINS fresh = (solo != 0)
#define TRY     if :: solo -> tries++; CHECK(h_no_progress, tries < MAXTRIES) :: else fi
#else
#define SCAN_BEGINS skip
#define TRY     skip
#endif

/* Helping comes before the exchange, and only for the entry's own port. */
#if defined(MUT_NO_HELP) || defined(MUT_HELP_AFTER_CAS)
#define HELP_NEEDED     false
#elif defined(MUT_HELP_ANY)
#define HELP_NEEDED     (PORTS == 2)
#else
#define HELP_NEEDED     (OWN(w) != NOBODY && OWN(w) != p && seen[OWN(w)] <= POS(w))
#endif
#ifdef MUT_HELP_ANY
#define HELPED          (1 - p)
#else
#define HELPED          OWN(w)
#endif
#ifdef MUT_INTENT_AFTER_CAS
#define NEXT_TO_CAS     goto cas
#else
#define NEXT_TO_CAS     goto intent
#endif
#define NEXT_AFTER_GATE if :: HELP_NEEDED -> goto help :: else -> NEXT_TO_CAS fi

#ifdef SOLO
#define LEAVE_IF_DONE   if :: sent >= QUOTA || solo == me + 1 -> goto done :: else fi
#else
#define LEAVE_IF_DONE   if :: sent >= QUOTA -> goto done :: else fi
#endif

/* The last position this cursor leaves room for is published. */
#define LAST(c)         (RPOS(c) + N - 1)
#define GATES(c)        (RGATE(c) && POS(E[LAST(c) % N]) >= LAST(c))
#if R == 0
#define TRULY_FULL      false
#elif R == 1
#define TRULY_FULL      GATES(C[0])
#else
#define TRULY_FULL      (GATES(C[0]) || GATES(C[1]))
#endif

proctype Producer(byte me)
{
        /* caches; lost with the process */
        byte free, safe, limit, seen[PORTS];
        /* one publish */
        byte todo, j, s, t, p = me;
        short w, x;
        bool gating;
        /* one scan */
        byte b, h, spos, gpos, tpos, pinned;
        short c;
        byte sent;              /* ghost: survives the process */
#ifdef OLD
        byte mygen;
#endif
#ifdef SOLO
        byte tries;             /* ghost: passes since it runs alone */
        bool fresh;             /* ghost: so did its whole last scan */
#endif
#if B > 1
        byte order;             /* ghost: events of this batch published so far */
#endif
#ifdef MUT_SCAN_BEFORE_CAS
        bool pre;
#endif

#ifdef CLAIM
unowned:
end_unowned:
        /* The owner word goes from FREE to this process; cells and intent are inherited. */
        if
        :: atomic { owner[0] == 0 -> owner[0] = me + 1; p = 0 }
#if PORTS > 1
        :: atomic { owner[1] == 0 -> owner[1] = me + 1; p = 1 }
#endif
        OR_DIE
        fi;
#endif

idle:
#ifdef OLD
        /* A joiner below the cached `safe` announces itself by the generation. */
        STEP
#ifdef MUT_NO_GENERATION
                skip
#else
                if :: gen != mygen -> mygen = gen; safe = 0 :: else fi
#endif
        STEP_END;
#endif
        STEP
                d_step { fill_cells() };
                if
                :: todo == 0 -> goto scan
                :: else -> goto from_tail
                fi
#ifdef CLAIM
        /* A live process closes a port by storing FREE: its intent is booked. */
        } :: atomic { sent > 0 ->
                d_step { owner[p] = 0; FORGET; p = 0 };
                goto unowned
#endif
        STEP_END;

scan:
        /* The tail comes first: whoever registers later re-reads it later. */
#ifndef MUT_SCAN_H_FIRST
        STEP
                d_step { tpos = T; spos = FAR; gpos = FAR; SCAN_BEGINS };
#if R == 0
                AFTER_SCAN
#endif
        STEP_END;
#endif
#if R > 0
        STEP
                h = H;
#ifndef MUT_SCAN_H_FIRST
                if :: h == 0 -> AFTER_SCAN :: else fi
#endif
        STEP_END;
#ifdef MUT_SCAN_H_FIRST
        STEP
                d_step { tpos = T; spos = FAR; gpos = FAR; SCAN_BEGINS };
                if :: h == 0 -> AFTER_SCAN :: else fi
        STEP_END;
#endif
scan_cursor:
        STEP
                d_step { c = C[b]; look_at_cursor(c); c = 0; b++ };
                if
                :: b < h -> goto scan_cursor
                :: else
                fi;
                b = 0; h = 0;
                AFTER_SCAN
        STEP_END;
#endif

from_tail:
        STEP
                s = T
#ifdef MUT_TAIL_BEFORE_CAS
                ; if :: POS(E[s % N]) + N == s -> T = s + 1 :: else fi
#endif
        STEP_END;

look:
        STEP
                w = E[s % N]; TRY;
                if
#ifdef MUT_NO_TAIL_HELP
                :: POS(w) == s -> w = 0; goto from_tail
#else
                :: POS(w) == s -> w = 0; goto help_tail
#endif
                :: POS(w) > s -> s = POS(w) + 1; w = 0; goto look
                :: else ->
                        CHECK(g_tail_ahead, POS(w) + N == s);
#ifdef RELIABLE
                        if
                        :: s >= limit -> gating = true; goto scan
                        :: else
                        fi;
#endif
                        NEXT_AFTER_GATE
                fi
        STEP_END;

help_tail:
        STEP
                if :: T == s -> T = s + 1; d_step { tail_ok() } :: else fi;
                s++;
                goto look
        STEP_END;

help:
        STEP
                x = I[HELPED];
#ifndef MUT_HELP_ANY
                seen[HELPED] = IPOS(x);
#endif
                if
                :: ISTATE(x) == PENDING && IPOS(x) == POS(w) -> skip
                :: else -> x = 0; NEXT_TO_CAS
                fi
        STEP_END;
        STEP
                if :: I[HELPED] == x -> I[HELPED] = x - PENDING + WON :: else fi;
                x = 0;
                NEXT_TO_CAS
        STEP_END;

intent:
        STEP
                I[p] = INTENT(s, j, SLOT(w), PENDING)
#ifdef MUT_SCAN_BEFORE_CAS
                ; d_step { spos = FAR; gpos = FAR; c = C[0];
                        pre = !(c != NONE && POS(w) >= RPOS(c) && POS(w) < RPOS(c) + RPINS(c));
                        spos = 0; gpos = 0; c = 0 }
#endif
        STEP_END;
#ifdef MUT_CELL_BEFORE_CAS
        STEP
                d_step { wrote[p] = CSLOT(S[p*K+j]) + 1; S[p*K+j] = CELL(SLOT(w), POS(w)) }
        STEP_END;
#endif

cas:
        STEP
#ifdef MUT_CELL_BEFORE_CAS
#define MINE (wrote[p] - 1)
#else
#define MINE CSLOT(S[p*K+j])
#endif
                if
                :: E[s % N] == w ->
                        d_step {
                                newest();
                                CHECK(e_position_gap, s == zc + 1);
                                zc = 0;
                                E[s % N] = ENTRY(s, p, MINE);
                                content[MINE] = s;
                                won[p] = true;
                                sent++;
#if B > 1
                                order++;
                                CHECK(f_batch_not_prefix, nth[MINE] == order);
                                nth[MINE] = 0;
#endif
#ifdef MUT_INTENT_AFTER_CAS
                                wonj[p] = j; wond[p] = SLOT(w);
#endif
#ifdef MUT_CELL_BEFORE_CAS
                                won[p] = false; wrote[p] = 0;
#endif
                                accounted()
                        }
                :: else ->
#ifdef MUT_CELL_BEFORE_CAS
                        d_step { S[p*K+j] = CELL(wrote[p] - 1, 0); wrote[p] = 0 };
#endif
                        w = 0;
                        goto look
                fi
        STEP_END;
#ifdef MUT_INTENT_AFTER_CAS
        STEP
                I[p] = INTENT(s, j, SLOT(w), PENDING)
        STEP_END;
#endif
#ifdef MUT_HELP_AFTER_CAS
        STEP
                if
                :: OWN(w) != NOBODY && OWN(w) != p && ISTATE(I[OWN(w)]) == PENDING && IPOS(I[OWN(w)]) == POS(w) ->
                        I[OWN(w)] = I[OWN(w)] - PENDING + WON
                :: else
                fi
        STEP_END;
#endif
#ifdef MUT_CLEAR_BEFORE_BOOK
        STEP
                d_step { x = I[p]; I[p] = x - ISTATE(x); x = 0 }
        STEP_END;
#endif

        /* Booked, and not free before a scan made after the exchange says so. */
        STEP
                d_step {
                        S[p*K+j] = CELL(SLOT(w), POS(w));
                        won[p] = false;
                        free = free & ~(1 << j);
#ifdef MUT_SCAN_BEFORE_CAS
                        if :: pre -> free = free | 1 << j :: else fi;
                        pre = false;
#endif
                        todo = todo & ~(1 << j);
                        w = 0;
                        accounted();
                        lowest()
                };
                if
                :: todo != 0 -> s++; goto look
                :: else
                fi
        STEP_END;

move_tail:
        STEP
                if
                :: T == s -> T = s + 1; d_step { tail_ok() }; goto published
                :: else
                fi
        STEP_END;
reload_tail:
        STEP
                t = T;
                if :: t > s -> goto published :: else fi
        STEP_END;
        STEP
                if
                :: T == t -> T = s + 1; t = 0; d_step { tail_ok() }; goto published
                :: else -> t = 0; goto reload_tail
                fi
        STEP_END;

published:
        atomic {
                d_step { s = 0; t = 0; j = 0; END_OF_BATCH };
                LEAVE_IF_DONE;
                goto idle
        }

        /* Full, by a reader that gates. A batch moves the tail for what it did publish. */
no_room:
        atomic {
#ifdef SOLO
                if
                :: solo && fresh -> CHECK(h_false_full, TRULY_FULL)
                :: solo && !fresh && !(TRULY_FULL) -> END_OF_BATCH; s = 0; j = 0; goto idle
                :: else
                fi;
#endif
                todo = 0;
#if B > 1
                if
                :: order > 0 -> s--; goto move_tail
                :: else
                fi;
#endif
                s = 0; j = 0;
                LEAVE_IF_DONE
        };
        /*
         * To call again while the lane is full would only be told so again, so
         * the producer waits; that this wait ends is what room.pml shows.
         */
end_no_room:
        if
        :: atomic { MYTURN_AND !(TRULY_FULL) -> goto idle }
        OR_DIE
        fi;

        /* From here on the dead process' lock byte can be taken, and somebody does. */
killed:
#ifdef MUT_REUSE_NO_RECOVERY
        goto recovered;
#endif
#ifdef CLAIM
        p = 0;
find_port:
        STEP
                if
                :: owner[p] == me + 1 -> goto recover
                :: owner[p] != me + 1 && p + 1 < PORTS -> p++; goto find_port
                :: else -> p = 0; goto recovered
                fi
        STEP_UNKILLED;
recover:
#ifdef MUT_FREE_BEFORE_BOOK
        STEP
                owner[p] = 0
        STEP_END;
#endif
#endif
        STEP
                x = I[p];
                if
                :: ISTATE(x) == IDLE -> x = 0; goto give_up_port
                :: ISTATE(x) == WON -> goto book
                :: else
                fi
        STEP_UNKILLED;
        STEP
                if
                :: POS(E[IPOS(x) % N]) == IPOS(x) && OWN(E[IPOS(x) % N]) == p -> goto book
                :: else
                fi
        STEP_END;
#ifndef MUT_NO_REREAD_INTENT
        /* Displaced since, perhaps: then whoever displaced it has marked it WON before. */
        STEP
                if
                :: ISTATE(I[p]) == WON -> goto book
                :: else -> goto clear
                fi
        STEP_END;
#else
        goto clear;
#endif
book:
#ifdef MUT_CLEAR_BEFORE_RECOVERY_BOOK
        STEP
                I[p] = x - ISTATE(x)
        STEP_END;
#endif
        STEP
                d_step {
                        S[p*K+ICELL(x)] = CELL(IDISP(x), IPOS(x) - N);
                        won[p] = false;
#ifdef MUT_RECOVERED_FREE
                        free = free | 1 << ICELL(x);
#endif
                        accounted()
                }
        STEP_END;
clear:
        x = 0;
        /* Optional, so both ways are taken. */
        STEP
                I[p] = 0
        } :: atomic { true -> skip
        STEP_END;
give_up_port:
#ifdef CLAIM
        STEP
                CHECK(b_slot_lost, !won[p]);
#ifndef MUT_FREE_BEFORE_BOOK
                owner[p] = 0;
#endif
                p = 0
        STEP_END;
recovered:
        atomic { LEAVE_IF_DONE; goto unowned };
#else
        CHECK(b_slot_lost, !won[p]);
recovered:
        atomic { LEAVE_IF_DONE; goto idle };
#endif

done:
#ifdef CLAIM
        /* Only a process that still owns its port gives it back here. */
        if :: owner[p] == me + 1 -> owner[p] = 0 :: else fi;
#endif
#ifdef SOLO
        finished[me] = true;
#endif
        skip
}
