package com.rvoip.shmbus.peers.common;

import com.google.gson.annotations.SerializedName;

/** What a role is to do. */
public final class Config {
  public String role;
  public int index;
  public String workload;
  public int size;
  public int batch;
  public int subs;
  public int capacity;
  public String dir;
  public String broker;

  @SerializedName("duration_ns")
  public long durationNs;

  @SerializedName("warm_ns")
  public long warmNs;

  /** Returns whether events are those of seed. */
  public boolean isSeed() {
    return workload.equals("seed");
  }

  /** Returns whether the run is a ping-pong. */
  public boolean isPingpong() {
    return workload.equals("pingpong");
  }
}
