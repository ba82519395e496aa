package com.rvoip.shmbus.peers.common;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

class EventTest {
  private record Buffer(ByteBuffer bytes) implements Words {
    Buffer(int words) {
      this(ByteBuffer.allocate(words * Event.WORD).order(ByteOrder.LITTLE_ENDIAN));
    }

    @Override
    public long get(int index) {
      return bytes.getLong(index * Event.WORD);
    }

    @Override
    public void set(int index, long value) {
      bytes.putLong(index * Event.WORD, value);
    }

    String hex() {
      return HexFormat.of().formatHex(bytes.array());
    }
  }

  /** The same bytes as in the test of the Go module. */
  @Test
  void eventsAreThoseOfTheOtherLanguages() {
    Buffer b = new Buffer(4);
    Event.fill(b, 0, 4, false, 5, true);
    assertEquals("05000000000000807ee8befb58da4c359364097b125484d3aff06f1d90d88c6a", b.hex());
    b = new Buffer(6);
    Event.fill(b, 0, 6, true, 1L << 32 | 60, false);
    assertEquals(
        "80250000a0000000080073747265616d2d340000000000003c00000078056000000000000100000097cb1ecd0ecf1c78", b.hex());
    assertEquals(1L << 32 | 60, Event.seq(b, 0, true));
  }

  @Test
  void everyChangedWordIsNoticed() {
    for (boolean seed : new boolean[] {false, true}) {
      Buffer b = new Buffer(6);
      Event.fill(b, 0, 6, seed, 7, true);
      assertTrue(Event.agrees(b, 0, 6));
      assertTrue(Event.isLast(b, 0, seed));
      assertEquals(7, Event.seq(b, 0, seed));
      for (int i = 0; i < 6; i++) {
        b.set(i, b.get(i) ^ 1L << 40);
        assertFalse(Event.agrees(b, 0, 6), "word " + i + " changed unnoticed");
        b.set(i, b.get(i) ^ 1L << 40);
      }
    }
  }

  @Test
  void aBookCountsEachWayToGoWrong() {
    Book book = new Book(false, 32);
    Buffer b = new Buffer(4);
    for (long seq : new long[] {0, 3, 1}) {
      Event.fill(b, 0, 4, false, seq, false);
      book.see(b, 32);
    }
    b.set(2, 0);
    book.see(b, 32);
    assertFalse(book.done());
    Event.fill(b, 0, 4, false, 5, true);
    book.see(b, 32);
    assertTrue(book.done());
    assertEquals(5, book.received());
    assertEquals(3, book.gaps);
    assertEquals(1, book.disordered);
    assertEquals(1, book.corrupt);
  }
}
