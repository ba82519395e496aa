package com.rvoip.shmbus.peers.common;

/** What one subscriber got. */
public final class Book {
  long received;
  long gaps;
  long disordered;
  long corrupt;
  private boolean done;
  private long next;
  private final boolean seed;
  private final int words;

  /** Makes a book of events of size bytes. */
  public Book(boolean seed, int size) {
    this.seed = seed;
    this.words = size / Event.WORD;
  }

  /** Books events that lie one behind the other in bytes bytes. */
  public void see(Words w, int bytes) {
    if (bytes % (words * Event.WORD) != 0) {
      corrupt++;
    }
    int count = bytes / (words * Event.WORD);
    for (int i = 0; i < count && !done; i++) {
      seeOne(w, i * words);
    }
  }

  private void seeOne(Words w, int at) {
    received++;
    if (!Event.agrees(w, at, words)) {
      corrupt++;
      return;
    }
    long seq = Event.seq(w, at, seed);
    if (seq < next) {
      disordered++;
      return;
    }
    gaps += seq - next;
    next = seq + 1;
    done = Event.isLast(w, at, seed);
  }

  /** Returns whether the last event was seen. */
  public boolean done() {
    return done;
  }

  /** Returns how many events were seen. */
  public long received() {
    return received;
  }
}
