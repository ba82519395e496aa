/*
 * What a producer does with its own cells and with the cursors of readers: choose
 * and fill, scan, decide between going on and full. Parts of producer.pml.
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
        line = 0; now = 0; next = 0;
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

/* The entry of position s has been looked at, by whoever looks at a line of two at a time. */
#ifdef MUT_REMEMBER_LAP
#define AT(s, pos)      ((s) % N == (pos) % N)
#else
#define AT(s, pos)      ((s) == (pos))
#endif
#define REMEMBERED(s)   (now && AT(s, line) || next && AT(s, line + 1))
#define LINE_GOES_ON(s) ((s) % N % 2 == 0 && (s) % N + 1 < N)

/* Position s will not be looked at again. */
inline passed(s)
{
#ifndef MUT_REMEMBER_LAP
        if
        :: s == line && next -> now = 0
        :: else -> line = 0; now = 0; next = 0
        fi
#else
        skip
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
#define MAXTRIES (2 * N + B + 4)
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
