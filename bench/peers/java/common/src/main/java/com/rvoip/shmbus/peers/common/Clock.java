package com.rvoip.shmbus.peers.common;

import java.lang.management.ManagementFactory;
import java.util.Arrays;

/** Time. On Linux nanoTime is the monotonic clock that all processes share. */
final class Clock {
  private Clock() {}

  static long now() {
    return System.nanoTime();
  }

  /** Returns nanoseconds of processor time that the process used so far. */
  static long cpu() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  static double seconds(long ns) {
    return ns / 1e9;
  }

  /** Returns what one reading of the clock takes; every round trip has one in it. */
  static long cost() {
    final int reads = 8;
    long[] costs = new long[1024];
    for (int i = 0; i < costs.length; i++) {
      long start = now();
      long end = start;
      for (int k = 0; k < reads; k++) {
        end = now();
      }
      costs[i] = (end - start) / reads;
    }
    Arrays.sort(costs);
    return costs[costs.length / 2];
  }

  /** A flag that rises after a time. */
  static final class Deadline {
    private volatile boolean passed;

    Deadline(long ns) {
      Thread t =
          new Thread(
              () -> {
                try {
                  Thread.sleep(ns / 1_000_000, (int) (ns % 1_000_000));
                } catch (InterruptedException e) {
                  // Nobody interrupts it; if somebody did, its time would be over.
                }
                passed = true;
              },
              "deadline");
      t.setDaemon(true);
      t.start();
    }

    boolean passed() {
      return passed;
    }
  }
}
