package com.rvoip.shmbus.peers.common;

/** Sends events; one thread uses it. */
public interface Publisher {
  /** Has w write n events where the peer wants them, and sends them. */
  void publish(Writer w, int n);

  /** Returns whether enough was published in this phase, whatever the time, 0 being warming up and 1 the run. */
  default boolean isFull(int phase) {
    return false;
  }
}
