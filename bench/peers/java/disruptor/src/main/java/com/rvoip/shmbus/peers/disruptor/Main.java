package com.rvoip.shmbus.peers.disruptor;

import com.lmax.disruptor.BatchEventProcessor;
import com.lmax.disruptor.BatchEventProcessorBuilder;
import com.lmax.disruptor.EventHandler;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.YieldingWaitStrategy;
import com.rvoip.shmbus.peers.common.Book;
import com.rvoip.shmbus.peers.common.Config;
import com.rvoip.shmbus.peers.common.Event;
import com.rvoip.shmbus.peers.common.Peer;
import com.rvoip.shmbus.peers.common.Play;
import com.rvoip.shmbus.peers.common.Publisher;
import com.rvoip.shmbus.peers.common.Report;
import com.rvoip.shmbus.peers.common.Station;
import com.rvoip.shmbus.peers.common.Subscriber;
import com.rvoip.shmbus.peers.common.Words;
import com.rvoip.shmbus.peers.common.Writer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/**
 * LMAX Disruptor: a ring of objects in one process, written and read in place by one producer and a thread for each
 * subscriber. All subscribers gate the producer, so nothing is lost. Who waits yields: with more threads than
 * processors, spinning would be worse.
 */
public final class Main {
  private static final Peer PEER =
      new Peer("disruptor", "4.0.0", true, false, "one claim of as many slots; readers take all that is there");

  private Main() {}

  /** Runs the program. */
  public static void main(String[] args) throws Exception {
    Station.serve(PEER, s -> s.finish(s.config.isPingpong() ? pingpong(s) : stream(s)), args);
  }

  /** An entry of the ring. */
  private static final class Slot implements Words {
    private final long[] words;

    Slot(int size) {
      words = new long[size / Event.WORD];
    }

    @Override
    public long get(int index) {
      return words[index];
    }

    @Override
    public void set(int index, long value) {
      words[index] = value;
    }
  }

  private static RingBuffer<Slot> ring(Config c) {
    return RingBuffer.createSingleProducer(() -> new Slot(c.size), c.capacity, new YieldingWaitStrategy());
  }

  private record Producer(RingBuffer<Slot> ring) implements Publisher {
    @Override
    public void publish(Writer w, int n) {
      long high = ring.next(n);
      long low = high - n + 1;
      for (long at = low; at <= high; at++) {
        w.pack(ring.get(at), 1);
      }
      ring.publish(low, high);
    }
  }

  private static final class Handler implements EventHandler<Slot> {
    private final Book book;
    private final int size;
    private final CompletableFuture<Report> done = new CompletableFuture<>();

    Handler(Config c) {
      book = new Book(c.isSeed(), c.size);
      size = c.size;
    }

    @Override
    public void onEvent(Slot event, long sequence, boolean endOfBatch) {
      book.see(event, size);
      if (book.done()) {
        done.complete(Play.received(book, System.nanoTime()));
      }
    }
  }

  private static List<Report> stream(Station s) throws InterruptedException, ExecutionException {
    Config c = s.config;
    RingBuffer<Slot> ring = ring(c);
    List<Handler> handlers = new ArrayList<>();
    List<BatchEventProcessor<Slot>> processors = new ArrayList<>();
    for (int i = 0; i < c.subs; i++) {
      Handler h = new Handler(c);
      BatchEventProcessor<Slot> p = new BatchEventProcessorBuilder().build(ring, ring.newBarrier(), h);
      ring.addGatingSequences(p.getSequence());
      new Thread(p, "subscriber " + i).start();
      handlers.add(h);
      processors.add(p);
    }
    s.begin();
    List<Report> reports = new ArrayList<>();
    reports.add(Play.publish(c, new Producer(ring)));
    for (Handler h : handlers) {
      reports.add(h.done.get());
    }
    processors.forEach(BatchEventProcessor::halt);
    return reports;
  }

  /** Takes what a poller shows. */
  private static final class Poller implements Subscriber {
    private final com.lmax.disruptor.EventPoller<Slot> poller;
    private final int size;
    private Book book;
    private final com.lmax.disruptor.EventPoller.Handler<Slot> handler = this::take;

    Poller(RingBuffer<Slot> ring, Config c) {
      poller = ring.newPoller();
      ring.addGatingSequences(poller.getSequence());
      size = c.size;
    }

    private boolean take(Slot event, long sequence, boolean endOfBatch) {
      book.see(event, size);
      return true;
    }

    @Override
    public boolean poll(Book book) {
      this.book = book;
      try {
        return poller.poll(handler) == com.lmax.disruptor.EventPoller.PollState.PROCESSING;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  private static List<Report> pingpong(Station s) throws InterruptedException, ExecutionException {
    Config c = s.config;
    RingBuffer<Slot> there = ring(c);
    RingBuffer<Slot> back = ring(c);
    Poller pongFrom = new Poller(there, c);
    Poller pingFrom = new Poller(back, c);
    CompletableFuture<Report> pong = new CompletableFuture<>();
    s.begin();
    Thread other = new Thread(() -> pong.complete(Play.pong(c, new Producer(back), pongFrom)), "pong");
    other.setDaemon(true);
    other.start();
    Report ping = Play.ping(c, new Producer(there), pingFrom);
    return List.of(ping, pong.get());
  }
}
