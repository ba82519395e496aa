package com.rvoip.shmbus.peers.common;

import com.google.gson.annotations.SerializedName;
import org.HdrHistogram.Histogram;

/** What one role did. */
public final class Report {
  final String role;
  long published;
  long warm;
  long received;
  long gaps;
  long disordered;
  long corrupt;

  @SerializedName("begin_ns")
  long beginNs;

  @SerializedName("end_ns")
  long endNs;

  @SerializedName("cpu_seconds")
  double cpuSeconds;

  @SerializedName("latency_ns")
  Percentiles latency;

  Report(String role) {
    this.role = role;
  }

  void enter(Book b) {
    received = b.received;
    gaps = b.gaps;
    disordered = b.disordered;
    corrupt = b.corrupt;
  }

  /** One-way times in nanoseconds. */
  static final class Percentiles {
    final long p50;
    final long p90;
    final long p99;
    final long p999;
    final long max;

    Percentiles(Histogram h) {
      p50 = h.getValueAtPercentile(50);
      p90 = h.getValueAtPercentile(90);
      p99 = h.getValueAtPercentile(99);
      p999 = h.getValueAtPercentile(99.9);
      max = h.getMaxValue();
    }
  }
}
