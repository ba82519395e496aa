package com.rvoip.shmbus.peers.common;

/** The memory of an event as 64-bit little-endian words, wherever the peer keeps it. */
public interface Words {
  /** Returns a word. */
  long get(int index);

  /** Writes a word. */
  void set(int index, long value);
}
