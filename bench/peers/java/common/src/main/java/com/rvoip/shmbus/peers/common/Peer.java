package com.rvoip.shmbus.peers.common;

import com.google.gson.annotations.SerializedName;
import java.util.List;

/** A description of a peer. */
public final class Peer {
  final String name;
  final String language = "Java";
  final String version;

  @SerializedName("in_process")
  final boolean inProcess;

  final boolean broker;
  final List<String> workloads = List.of("seed", "fanout", "pingpong");
  final String batch;

  /** Describes a peer of some version; a broker is a process of its own between the others. */
  public Peer(String name, String version, boolean inProcess, boolean broker, String batch) {
    this.name = name;
    this.version = version;
    this.inProcess = inProcess;
    this.broker = broker;
    this.batch = batch;
  }
}
