package com.rvoip.shmbus.peers.common;

/** Writes the events of one publisher, one after another. */
public final class Writer {
  /** Words of an event. */
  public final int words;

  private final boolean seed;
  private boolean last;
  private long count;

  /** Makes a writer of events of size bytes. */
  public Writer(boolean seed, int size) {
    this.seed = seed;
    this.words = size / Event.WORD;
  }

  /** Marks every further event as the final one. */
  public void last() {
    last = true;
  }

  /** Writes n events, one behind the other. */
  public void pack(Words w, int n) {
    for (int i = 0; i < n; i++) {
      Event.fill(w, i * words, words, seed, count++, last);
    }
  }

  /** Returns how many events were written. */
  public long count() {
    return count;
  }
}
