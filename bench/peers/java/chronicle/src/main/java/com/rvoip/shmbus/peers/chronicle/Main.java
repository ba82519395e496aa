package com.rvoip.shmbus.peers.chronicle;

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
import java.nio.file.Path;
import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.ExcerptTailer;
import net.openhft.chronicle.wire.DocumentContext;

/**
 * Chronicle Queue: files that a publisher appends to and subscribers read in place. It keeps everything, so nothing is
 * lost and nobody is held back; a run ends early when the files have become as long as one may expect memory to bear. A
 * batch is one document.
 */
public final class Main {
  private static final Peer PEER =
      new Peer("chronicle", "5.25ea16", false, false, "one document; all of it is kept in files, here in memory");

  private static final long BLOCK = 64 << 20;

  private static final int OPEN_TRIES = 20;
  private static final long OPEN_PAUSE_MS = 100;

  /** Bytes that may be written in a phase. */
  private static final long ENOUGH = 384L << 20;

  private Main() {}

  /** Runs the program. */
  public static void main(String[] args) throws Exception {
    Station.serve(PEER, Main::play, args);
  }

  private static void play(Station s) throws InterruptedException {
    Config c = s.config;
    try (ChronicleQueue there = queue(c, "there");
        ChronicleQueue back = c.isPingpong() ? queue(c, "back") : null) {
      switch (c.role) {
        case "pub" -> Play.publish(s, new Out(there));
        case "sub" -> Play.subscribe(s, new In(there));
        case "ping" -> Play.pingpong(s, new Out(there), new In(back));
        case "pong" -> Play.pingpong(s, new Out(back), new In(there));
        default -> throw new IllegalArgumentException("no role is called " + c.role);
      }
    }
  }

  /** Opens a queue. All processes do so at once, and whoever does not get the lock on its directory in time fails. */
  private static ChronicleQueue queue(Config c, String name) throws InterruptedException {
    for (int tries = 1; ; tries++) {
      try {
        return ChronicleQueue.singleBuilder(Path.of(c.dir, name)).blockSize(BLOCK).build();
      } catch (IllegalStateException e) {
        if (tries == OPEN_TRIES) {
          throw e;
        }
        Thread.sleep(OPEN_PAUSE_MS);
      }
    }
  }

  /** A document's bytes. */
  private static final class Document implements Words {
    private Bytes<?> bytes;
    private long offset;

    @Override
    public long get(int index) {
      return bytes.readLong(offset + (long) index * Event.WORD);
    }

    @Override
    public void set(int index, long value) {
      bytes.writeLong(offset + (long) index * Event.WORD, value);
    }
  }

  private static final class Out implements Publisher {
    private final ExcerptAppender appender;
    private final Document document = new Document();
    private final long[] written = new long[2];
    private int phase;

    Out(ChronicleQueue queue) {
      appender = queue.createAppender();
    }

    @Override
    public void publish(Writer w, int n) {
      int length = n * w.words * Event.WORD;
      try (DocumentContext context = appender.writingDocument()) {
        Bytes<?> bytes = context.wire().bytes();
        document.bytes = bytes;
        document.offset = bytes.writePosition();
        bytes.ensureCapacity(document.offset + length);
        bytes.writePosition(document.offset + length);
        w.pack(document, n);
      }
      written[phase] += length;
    }

    @Override
    public boolean isFull(int phase) {
      this.phase = phase;
      return written[phase] >= ENOUGH;
    }
  }

  private static final class In implements Subscriber {
    private final ExcerptTailer tailer;
    private final Document document = new Document();

    In(ChronicleQueue queue) {
      tailer = queue.createTailer();
    }

    @Override
    public boolean poll(Book book) {
      try (DocumentContext context = tailer.readingDocument()) {
        if (!context.isPresent()) {
          return false;
        }
        Bytes<?> bytes = context.wire().bytes();
        document.bytes = bytes;
        document.offset = bytes.readPosition();
        book.see(document, (int) bytes.readRemaining());
        return true;
      }
    }
  }
}
