package com.rvoip.shmbus.peers.common;

/** Receives events; one thread uses it. */
public interface Subscriber {
  /** Shows what is there. Returns false if there was nothing. */
  boolean poll(Book book);
}
