package com.rvoip.shmbus.peers.common;

import com.google.gson.Gson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** A role's line to its conductor. The Go module's package proto describes what they say. */
public final class Station {
  private static final int EXIT_FAILED = 1;
  private static final int EXIT_USAGE = 2;

  /** What the role is to do. */
  public final Config config;

  private final PrintStream out;
  private final CountDownLatch go = new CountDownLatch(1);
  private final CountDownLatch gone = new CountDownLatch(1);
  private volatile boolean over;

  /** What a peer does as a role. */
  public interface Role {
    /** Plays the role that the station's configuration names. */
    void play(Station s) throws Exception;
  }

  private Station(Config config, BufferedReader in, PrintStream out) {
    this.config = config;
    this.out = out;
    Thread watch = new Thread(() -> watch(in), "conductor");
    watch.setDaemon(true);
    watch.start();
  }

  /** A process that lost its conductor in the middle of a run ends. */
  private void watch(BufferedReader in) {
    try {
      while (in.readLine() != null) {
        go.countDown();
      }
    } catch (IOException e) {
      // The line is broken, which is its end.
    }
    if (!over) {
      Runtime.getRuntime().halt(EXIT_FAILED);
    }
    gone.countDown();
  }

  /** Says that the role has joined, and waits for the word to go. */
  public void begin() throws InterruptedException {
    begin("");
  }

  private void begin(String info) throws InterruptedException {
    say(Map.of("ready", true, "info", info));
    go.await();
  }

  /** Reports, and returns when everybody has: who leaves early may take away what others still read. */
  public void finish(List<Report> reports) throws InterruptedException {
    over = true;
    say(Map.of("reports", reports));
    gone.await();
  }

  /** Is a broker with this address until the conductor goes. */
  public void broker(String info) throws InterruptedException {
    over = true;
    begin(info);
    long used = Clock.cpu();
    gone.await();
    Report r = new Report("broker");
    r.cpuSeconds = Clock.seconds(Clock.cpu() - used);
    say(Map.of("reports", List.of(r)));
  }

  private void say(Object answer) {
    out.println(new Gson().toJson(answer));
    out.flush();
  }

  /** The main method of a peer's program. */
  public static void serve(Peer peer, Role role, String[] args) throws IOException {
    String what = args.length == 1 ? args[0] : "";
    if (what.equals("describe")) {
      System.out.println(new Gson().toJson(List.of(peer)));
      return;
    }
    if (!what.equals("role")) {
      System.err.println("usage: " + peer.name + " describe | role; the program peers starts it");
      System.exit(EXIT_USAGE);
    }
    PrintStream out = System.out;
    System.setOut(System.err); // libraries print what is no answer
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    Station s = new Station(new Gson().fromJson(in.readLine(), Config.class), in, out);
    int status = 0;
    try {
      role.play(s);
    } catch (Exception e) {
      e.printStackTrace();
      s.say(Map.of("error", e.toString()));
      status = EXIT_FAILED;
    }
    System.exit(status);
  }
}
