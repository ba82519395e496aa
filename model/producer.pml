/*
 * Producer: publish by exchange, and the recovery of its port after its death.
 *
 * Recovery runs under the dead process' lock byte, so at most one recoverer is
 * at work and it works only while the producer is dead. That lets one proctype
 * be both: after `killed` it is whoever holds the lock, which may be killed in
 * turn, and after the recovery it is the next process on the port, with empty
 * caches.
 */

#include "scan.pml"

proctype Producer(byte me)
{
        /* caches; lost with the process */
        byte free, safe, limit, seen[PORTS];
        /* one publish */
        byte todo, j, s, t, p = me;
        short w, x;
        bool gating;
        /* entries of positions `line` and the next, remembered; 0: not known */
        byte line;
        short now, next;
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

        /*
         * What it has looked at in the same line before, it remembers. That may have
         * been displaced since; the exchange finds out.
         */
look:
        STEP
                if
                :: REMEMBERED(s) -> skip
                :: else ->
                        d_step { line = s; now = E[s % N]; next = 0 };
                        if
                        :: LINE_GOES_ON(s) -> goto look_ahead
                        :: else
                        fi
                fi;
                w = (AT(s, line) -> now : next); TRY;
                if
#ifdef MUT_NO_TAIL_HELP
                :: POS(w) == s -> w = 0; goto from_tail
#else
                :: POS(w) == s -> w = 0; goto help_tail
#endif
#ifdef LAZY
                /* The tail is moved once in a while; who looks for the end goes past it. */
                :: POS(w) == s -> w = 0; s++; goto look
#endif
                :: POS(w) > s -> s = POS(w) + 1; w = 0; goto look
                :: else ->
                        CHECK(g_tail_ahead, POS(w) + N == s);
#ifdef RELIABLE
                        if
#if defined(LAZY) && !defined(MUT_LAZY_FULL)
                        :: s >= limit -> gating = true; goto say_first
#else
                        :: s >= limit -> gating = true; goto scan
#endif
                        :: else
                        fi;
#endif
                        NEXT_AFTER_GATE
                fi
        STEP_END;

#if defined(LAZY) && defined(RELIABLE)
        /* The limit counts from the tail: say first what is published already. */
say_first:
        STEP
                if :: T < s -> T = s; d_step { tail_ok() } :: else fi;
                goto scan
        STEP_END;
#endif

look_ahead:
        STEP
                next = E[(s + 1) % N];
                goto look
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
                                passed(s);
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
#ifndef MUT_KEEP_LOST
                        line = 0; now = 0; next = 0;
#endif
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

#ifdef LAZY
        /* The tail is moved once in a while. */
        if
        :: goto published
        :: goto move_tail
        fi;
#endif
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
         * the producer waits. It must not come to wait for a reader that has nothing
         * to read; that it is woken is what room.pml shows.
         */
room:
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
