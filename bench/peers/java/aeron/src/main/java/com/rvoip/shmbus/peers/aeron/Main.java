package com.rvoip.shmbus.peers.aeron;

import com.rvoip.shmbus.peers.common.Book;
import com.rvoip.shmbus.peers.common.Config;
import com.rvoip.shmbus.peers.common.Event;
import com.rvoip.shmbus.peers.common.Peer;
import com.rvoip.shmbus.peers.common.Play;
import com.rvoip.shmbus.peers.common.Publisher;
import com.rvoip.shmbus.peers.common.Station;
import com.rvoip.shmbus.peers.common.Subscriber;
import com.rvoip.shmbus.peers.common.Words;
import com.rvoip.shmbus.peers.common.Writer;
import io.aeron.Aeron;
import io.aeron.ExclusivePublication;
import io.aeron.Subscription;
import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import io.aeron.logbuffer.BufferClaim;
import io.aeron.logbuffer.FragmentHandler;
import java.nio.file.Path;
import org.agrona.DirectBuffer;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.UnsafeBuffer;

/**
 * Aeron IPC: an exclusive publication, claimed and filled in place, and a subscription for each subscriber. The slowest
 * subscriber holds the publication back, so nothing is lost. The media driver is a process of its own, with one thread
 * that naps, as is advised where processors are few. A batch is one message, as messages may be as long as one likes to
 * configure.
 */
public final class Main {
  private static final Peer PEER =
      new Peer("aeron", "1.51.0", false, true, "packed into one message; readers poll for up to 64 fragments");

  private static final String CHANNEL = "aeron:ipc?term-length=4m";
  private static final int THERE = 1001; // streams
  private static final int BACK = 1002;
  private static final int FRAGMENTS = 64;
  private static final int MTU = 65504; // the longest a frame may be

  private Main() {}

  /** Runs the program. */
  public static void main(String[] args) throws Exception {
    Station.serve(PEER, Main::play, args);
  }

  private static void play(Station s) throws InterruptedException {
    Config c = s.config;
    if (c.role.equals("broker")) {
      drive(s);
      return;
    }
    try (Aeron aeron = Aeron.connect(new Aeron.Context().aeronDirectoryName(c.broker))) {
      switch (c.role) {
        case "pub" -> Play.publish(s, new Out(aeron, THERE));
        case "sub" -> Play.subscribe(s, new In(aeron, THERE).joined());
        case "ping" -> {
          In in = new In(aeron, BACK);
          Play.pingpong(s, new Out(aeron, THERE), in.joined());
        }
        case "pong" -> {
          In in = new In(aeron, THERE);
          Play.pingpong(s, new Out(aeron, BACK), in.joined());
        }
        default -> throw new IllegalArgumentException("no role is called " + c.role);
      }
    }
  }

  private static void drive(Station s) throws InterruptedException {
    MediaDriver.Context context =
        new MediaDriver.Context()
            .aeronDirectoryName(Path.of(s.config.dir, "driver").toString())
            .dirDeleteOnStart(true)
            .dirDeleteOnShutdown(true)
            .threadingMode(ThreadingMode.SHARED)
            .sharedIdleStrategy(new BackoffIdleStrategy())
            .ipcMtuLength(MTU)
            .termBufferSparseFile(false);
    try (MediaDriver driver = MediaDriver.launch(context)) {
      s.broker(driver.aeronDirectoryName());
    }
  }

  /** A message in the log. */
  private static final class Message implements Words {
    private DirectBuffer from;
    private UnsafeBuffer into;
    private int offset;

    @Override
    public long get(int index) {
      return from.getLong(offset + index * Event.WORD);
    }

    @Override
    public void set(int index, long value) {
      into.putLong(offset + index * Event.WORD, value);
    }
  }

  private static final class Out implements Publisher {
    private final ExclusivePublication publication;
    private final BufferClaim claim = new BufferClaim();
    private final Message message = new Message();

    Out(Aeron aeron, int stream) {
      publication = aeron.addExclusivePublication(CHANNEL, stream);
    }

    @Override
    public void publish(Writer w, int n) {
      int length = n * w.words * Event.WORD;
      for (int vain = 0; ; ) {
        long at = publication.tryClaim(length, claim);
        if (at > 0) {
          break;
        }
        if (at == ExclusivePublication.CLOSED || at == ExclusivePublication.MAX_POSITION_EXCEEDED) {
          throw new IllegalStateException("claim: " + at);
        }
        vain = Play.idle(vain, FRAGMENTS);
      }
      message.into = (UnsafeBuffer) claim.buffer();
      message.offset = claim.offset();
      w.pack(message, n);
      claim.commit();
    }
  }

  private static final class In implements Subscriber {
    private final Subscription subscription;
    private final Message message = new Message();
    private Book book;
    private final FragmentHandler handler =
        (buffer, offset, length, header) -> {
          message.from = buffer;
          message.offset = offset;
          book.see(message, length);
        };

    In(Aeron aeron, int stream) {
      subscription = aeron.addSubscription(CHANNEL, stream);
    }

    /** Returns when a publication is connected. */
    In joined() {
      while (!subscription.isConnected()) {
        Thread.yield();
      }
      return this;
    }

    @Override
    public boolean poll(Book book) {
      this.book = book;
      return subscription.poll(handler, FRAGMENTS) > 0;
    }
  }
}
