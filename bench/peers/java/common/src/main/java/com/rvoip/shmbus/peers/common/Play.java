package com.rvoip.shmbus.peers.common;

import java.util.List;
import org.HdrHistogram.Histogram;

/** The roles of a run. */
public final class Play {
  /** How often a reader looks in vain before it lets others run. Who plays ping-pong has a processor to itself. */
  private static final int LOOKS_STREAM = 64;

  private static final int LOOKS_PINGPONG = 20_000;

  private static final long LONGEST = 100_000_000_000L;
  private static final int DIGITS = 3;

  private Play() {}

  /** Publishes for as long as it is told, as a process of its own. */
  public static void publish(Station s, Publisher out) throws InterruptedException {
    s.begin();
    s.finish(List.of(publish(s.config, out)));
  }

  /** Publishes for as long as it is told. */
  public static Report publish(Config c, Publisher out) {
    Writer w = new Writer(c.isSeed(), c.size);
    Report r = new Report("pub");
    long used = Clock.cpu();
    until(out, w, c.batch, c.warmNs, 0);
    r.warm = w.count();
    r.beginNs = Clock.now();
    until(out, w, c.batch, c.durationNs, 1);
    w.last();
    out.publish(w, 1);
    r.published = w.count();
    r.endNs = Clock.now();
    r.cpuSeconds = Clock.seconds(Clock.cpu() - used);
    return r;
  }

  private static void until(Publisher out, Writer w, int batch, long ns, int phase) {
    Clock.Deadline over = new Clock.Deadline(ns);
    while (!over.passed() && !out.isFull(phase)) {
      out.publish(w, batch);
    }
  }

  /** Receives until the last event, as a process of its own. */
  public static void subscribe(Station s, Subscriber from) throws InterruptedException {
    s.begin();
    Config c = s.config;
    Report r = new Report("sub");
    Book book = new Book(c.isSeed(), c.size);
    long used = Clock.cpu();
    r.beginNs = Clock.now();
    for (int vain = 0; !book.done(); ) {
      vain = from.poll(book) ? 0 : idle(vain, LOOKS_STREAM);
    }
    r.endNs = Clock.now();
    r.cpuSeconds = Clock.seconds(Clock.cpu() - used);
    r.enter(book);
    s.finish(List.of(r));
  }

  /** Is idle for a moment, after looking in vain so often; returns that number with this time. */
  public static int idle(int vain, int most) {
    if (vain < most) {
      Thread.onSpinWait();
      return vain + 1;
    }
    Thread.yield();
    return 0;
  }

  /** Returns the report of a subscriber that others have run. */
  public static Report received(Book book, long endNs) {
    Report r = new Report("sub");
    r.endNs = endNs;
    r.enter(book);
    return r;
  }

  /** Is one side of a ping-pong, as a process of its own. */
  public static void pingpong(Station s, Publisher out, Subscriber from) throws InterruptedException {
    s.begin();
    s.finish(List.of(s.config.role.equals("ping") ? ping(s.config, out, from) : pong(s.config, out, from)));
  }

  /** Serves, and measures one-way times. */
  public static Report ping(Config c, Publisher out, Subscriber from) {
    Writer w = new Writer(false, c.size);
    Book book = new Book(false, c.size);
    Report r = new Report("ping");
    Histogram times = new Histogram(LONGEST, DIGITS);
    long clock = Clock.cost();
    long used = Clock.cpu();
    Clock.Deadline warm = new Clock.Deadline(c.warmNs);
    Clock.Deadline over = new Clock.Deadline(c.warmNs + c.durationNs);
    long start = Clock.now();
    while (!book.done()) {
      out.publish(w, 1);
      await(from, book, w.count());
      long end = Clock.now();
      if (r.beginNs != 0) {
        times.recordValue(Math.min(Math.max((end - start - clock) / 2, 1), LONGEST));
      } else if (warm.passed()) {
        r.warm = w.count();
        r.beginNs = end;
      }
      start = end;
      if (r.beginNs != 0 && over.passed()) {
        w.last();
      }
    }
    r.endNs = Clock.now();
    r.cpuSeconds = Clock.seconds(Clock.cpu() - used);
    r.published = w.count();
    r.latency = new Report.Percentiles(times);
    r.enter(book);
    return r;
  }

  /** Answers until the last event. */
  public static Report pong(Config c, Publisher out, Subscriber from) {
    Writer w = new Writer(false, c.size);
    Book book = new Book(false, c.size);
    Report r = new Report("pong");
    long used = Clock.cpu();
    r.beginNs = Clock.now();
    while (!book.done()) {
      await(from, book, w.count() + 1);
      if (book.done()) {
        w.last();
      }
      out.publish(w, 1);
    }
    r.endNs = Clock.now();
    r.cpuSeconds = Clock.seconds(Clock.cpu() - used);
    r.published = w.count();
    r.enter(book);
    return r;
  }

  private static void await(Subscriber from, Book book, long want) {
    for (int vain = 0; book.received() < want; ) {
      vain = from.poll(book) ? 0 : idle(vain, LOOKS_PINGPONG);
    }
  }
}
