package com.rvoip.shmbus.peers.common;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/** How an event is written and checked: a note, body words made of it, a checksum over all before it. */
public final class Event {
  /** Bytes of a word. */
  public static final int WORD = 8;

  /** Bytes of the event of the workload seed. */
  public static final int SEED_SIZE = 48;

  private static final long SPREAD = 0x9E3779B97F4A7C15L; // 2^64 / golden ratio
  private static final long LAST_BIT = 1L << 63;
  private static final long SEQ_MASK = (1L << 48) - 1;

  private static final int SEED_STREAMS = 8;
  private static final int SEED_MARKER_EVERY = 30;
  private static final long SEED_FIXED = 1400L << 32 | 96L << 48; // payload size and type
  private static final long SEED_MARKER = 1L << 56;
  private static final int SEED_TICKS = 160;
  private static final long[][] SEED_NAMES = seedNames();

  private Event() {}

  private static long[][] seedNames() {
    long[][] names = new long[SEED_STREAMS][];
    for (int i = 0; i < SEED_STREAMS; i++) {
      ByteBuffer b = ByteBuffer.allocate(2 * WORD).order(ByteOrder.LITTLE_ENDIAN);
      byte[] text = ("stream-" + i).getBytes(StandardCharsets.US_ASCII);
      b.putShort(0, (short) text.length).put(2, text);
      names[i] = new long[] {b.getLong(0), b.getLong(WORD)};
    }
    return names;
  }

  private static long finish(long a, long b) {
    return a ^ Long.rotateLeft(b * SPREAD, 31);
  }

  /** Writes all of an event that begins at word at and has count words. */
  public static void fill(Words w, int at, int count, boolean seed, long seq, boolean last) {
    if (seed) {
      fillSeed(w, at, seq, last);
      return;
    }
    long note = seq & SEQ_MASK | (last ? LAST_BIT : 0);
    long x = note * SPREAD;
    long a = note;
    long b = note;
    w.set(at, note);
    for (int i = at + 1; i < at + count - 1; i++) {
      x += SPREAD;
      w.set(i, x);
      a += x;
      b += a;
    }
    w.set(at + count - 1, finish(a, b));
  }

  private static void fillSeed(Words w, int at, long seq, boolean last) {
    long[] name = SEED_NAMES[(int) (seq % SEED_STREAMS)];
    long third = seq & 0xffff_ffffL | SEED_FIXED | (seq % SEED_MARKER_EVERY == 0 ? SEED_MARKER : 0);
    long fourth = seq >>> 32 << 32 | (last ? 1 << 16 : 0);
    long a = seq * SEED_TICKS;
    long b = a;
    w.set(at, a);
    w.set(at + 1, name[0]);
    b += a += name[0];
    w.set(at + 2, name[1]);
    b += a += name[1];
    w.set(at + 3, third);
    b += a += third;
    w.set(at + 4, fourth);
    b += a += fourth;
    w.set(at + 5, finish(a, b));
  }

  /** Returns whether the content of an event is right. */
  public static boolean agrees(Words w, int at, int count) {
    long a = 0;
    long b = 0;
    for (int i = at; i < at + count - 1; i++) {
      a += w.get(i);
      b += a;
    }
    return finish(a, b) == w.get(at + count - 1);
  }

  /** Returns the running number of an event. */
  public static long seq(Words w, int at, boolean seed) {
    return seed ? w.get(at + 4) >>> 32 << 32 | w.get(at + 3) & 0xffff_ffffL : w.get(at) & SEQ_MASK;
  }

  /** Returns whether an event is its publisher's last one. */
  public static boolean isLast(Words w, int at, boolean seed) {
    return seed ? (w.get(at + 4) >>> 16 & 1) != 0 : w.get(at) < 0;
  }
}
