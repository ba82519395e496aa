//! The events, as 64-bit words of a little-endian machine: a note, body words
//! made of it, a checksum over all before it.

#[cfg(not(target_endian = "little"))]
compile_error!("events are little-endian words");

/// Bytes of the event of the workload seed.
pub const SEED_SIZE: usize = 48;
/// Bytes of a word.
pub const WORD: usize = 8;

const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15; // 2^64 / golden ratio
const LAST_BIT: u64 = 1 << 63;
const SEQ_MASK: u64 = (1 << 48) - 1;

const SEED_STREAMS: u64 = 8;
const SEED_MARKER_EVERY: u64 = 30;
const SEED_TICKS: u64 = 160;
/// RTP payload type of each event of seed.
pub const SEED_PAYLOAD_TYPE: u8 = 96;
/// The number each event of seed carries for the size of a payload.
pub const SEED_PAYLOAD_SIZE: u16 = 1400;

fn finish(a: u64, b: u64) -> u64 {
    a ^ b.wrapping_mul(SPREAD).rotate_left(31)
}

/// The checksum of words.
pub fn sum(words: &[u64]) -> u64 {
    let (mut a, mut b) = (0u64, 0u64);
    for &x in words {
        a = a.wrapping_add(x);
        b = b.wrapping_add(a);
    }
    finish(a, b)
}

/// What an event says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    pub seq: u64,
    pub last: bool,
    /// Whether its content is right.
    pub ok: bool,
}

/// Writes all of a sized event.
pub fn fill(w: &mut [u64], seq: u64, last: bool) {
    let note = seq & SEQ_MASK | if last { LAST_BIT } else { 0 };
    let end = w.len() - 1;
    let (mut x, mut a, mut b) = (note.wrapping_mul(SPREAD), note, note);
    w[0] = note;
    for word in &mut w[1..end] {
        x = x.wrapping_add(SPREAD);
        *word = x;
        a = a.wrapping_add(x);
        b = b.wrapping_add(a);
    }
    w[end] = finish(a, b);
}

/// Reads a sized event.
pub fn read(w: &[u64]) -> Note {
    let Some((last, body)) = w.split_last() else {
        return Note { seq: 0, last: false, ok: false };
    };
    if body.is_empty() {
        return Note { seq: 0, last: false, ok: false };
    }
    Note { seq: body[0] & SEQ_MASK, last: body[0] & LAST_BIT != 0, ok: sum(body) == *last }
}

/// The fields of an event of seed.
#[derive(Clone, Copy, Debug)]
pub struct SeedFields {
    pub time: u64,
    pub stream: u64,
    pub sequence: u32,
    pub marker: bool,
    pub last: bool,
    pub lap: u32,
}

impl SeedFields {
    pub fn new(seq: u64, last: bool) -> Self {
        SeedFields {
            time: seq.wrapping_mul(SEED_TICKS),
            stream: seq % SEED_STREAMS,
            sequence: seq as u32,
            marker: seq.is_multiple_of(SEED_MARKER_EVERY),
            last,
            lap: (seq >> 32) as u32,
        }
    }

    /// The words before the checksum; name is the stream's.
    pub fn words(&self, name: &[u8], payload_type: u8, payload_size: u16) -> [u64; 5] {
        let mut text = [0u8; 16];
        let length = name.len().min(14);
        text[0] = length as u8;
        text[2..2 + length].copy_from_slice(&name[..length]);
        let [low, high] = [0, 8].map(|i| u64::from_le_bytes(text[i..i + 8].try_into().expect("eight bytes")));
        [
            self.time,
            low,
            high,
            self.sequence as u64 | (payload_size as u64) << 32 | (payload_type as u64) << 48 | (self.marker as u64) << 56,
            (self.last as u64) << 16 | (self.lap as u64) << 32,
        ]
    }
}

/// Names of the streams of seed.
pub const SEED_NAMES: [&str; SEED_STREAMS as usize] =
    ["stream-0", "stream-1", "stream-2", "stream-3", "stream-4", "stream-5", "stream-6", "stream-7"];

/// Writes all of an event of seed.
pub fn fill_seed(w: &mut [u64], seq: u64, last: bool) {
    let f = SeedFields::new(seq, last);
    let words = f.words(SEED_NAMES[f.stream as usize].as_bytes(), SEED_PAYLOAD_TYPE, SEED_PAYLOAD_SIZE);
    w[..5].copy_from_slice(&words);
    w[5] = sum(&words);
}

/// Reads an event of seed.
pub fn read_seed(w: &[u64]) -> Note {
    if w.len() * WORD != SEED_SIZE {
        return Note { seq: 0, last: false, ok: false };
    }
    Note { seq: w[4] >> 32 << 32 | w[3] & 0xffff_ffff, last: w[4] >> 16 & 1 != 0, ok: sum(&w[..5]) == w[5] }
}

/// Writes the events of one publisher, one after another.
pub struct Writer {
    pub seed: bool,
    /// Marks every further event as the final one.
    pub last: bool,
    /// Words of an event.
    pub words: usize,
    count: u64,
}

impl Writer {
    pub fn new(seed: bool, size: usize) -> Self {
        Writer { seed, last: false, words: size / WORD, count: 0 }
    }

    /// The running number of the next event.
    pub fn next_seq(&mut self) -> u64 {
        self.count += 1;
        self.count - 1
    }

    /// Writes the next event into w.
    pub fn next(&mut self, w: &mut [u64]) {
        let (seq, last) = (self.next_seq(), self.last);
        if self.seed { fill_seed(w, seq, last) } else { fill(w, seq, last) }
    }

    /// Writes events, one behind the other, until w is full.
    pub fn pack(&mut self, w: &mut [u64]) {
        for event in w.chunks_exact_mut(self.words) {
            self.next(event);
        }
    }

    /// How many events were written.
    pub fn count(&self) -> u64 {
        self.count
    }
}

/// What one subscriber got.
#[derive(Default, Debug, Clone, PartialEq, Eq)]
pub struct Book {
    pub seed: bool,
    pub received: u64,
    /// What the peer itself told of as lost.
    pub missed: u64,
    pub gaps: u64,
    pub disordered: u64,
    pub corrupt: u64,
    pub done: bool,
    next: u64,
}

impl Book {
    pub fn new(seed: bool) -> Self {
        Book { seed, ..Book::default() }
    }

    /// Books one event and says whether more are to come.
    pub fn see(&mut self, w: &[u64]) -> bool {
        self.enter(if self.seed { read_seed(w) } else { read(w) })
    }

    /// Books what an event said of itself.
    pub fn enter(&mut self, n: Note) -> bool {
        self.received += 1;
        if !n.ok {
            self.corrupt += 1;
            return true;
        }
        if n.seq < self.next {
            self.disordered += 1;
            return true;
        }
        self.gaps += n.seq - self.next;
        self.next = n.seq + 1;
        self.done = n.last;
        !n.last
    }

    /// Books events that lie one behind the other, until the last one.
    pub fn see_packed(&mut self, packed: &[u64], words: usize) -> bool {
        packed.chunks(words).all(|event| self.see(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(w: &[u64]) -> String {
        w.iter().flat_map(|x| x.to_le_bytes()).map(|b| format!("{b:02x}")).collect()
    }

    /// The same bytes as in the test of the Go module.
    #[test]
    fn events_are_those_of_the_other_languages() {
        let mut w = [0u64; 4];
        fill(&mut w, 5, true);
        assert_eq!(hex(&w), "05000000000000807ee8befb58da4c359364097b125484d3aff06f1d90d88c6a");
        let mut w = [0u64; 6];
        fill_seed(&mut w, 1 << 32 | 60, false);
        assert_eq!(hex(&w), "80250000a0000000080073747265616d2d340000000000003c00000078056000000000000100000097cb1ecd0ecf1c78");
    }

    #[test]
    fn every_changed_word_is_noticed() {
        for seed in [false, true] {
            let mut w = [0u64; 6];
            let mut writer = Writer::new(seed, SEED_SIZE);
            writer.last = true;
            writer.next(&mut w);
            let read = if seed { read_seed } else { read };
            assert_eq!(read(&w), Note { seq: 0, last: true, ok: true });
            for i in 0..w.len() {
                w[i] ^= 1 << 40;
                assert!(!read(&w).ok, "word {i} changed unnoticed");
                w[i] ^= 1 << 40;
            }
            assert!(!read(&w[..5]).ok && !read(&w[..1]).ok && !read(&[]).ok);
        }
    }

    #[test]
    fn a_book_counts_each_way_to_go_wrong() {
        let mut writer = Writer::new(false, 32);
        let mut packed = [0u64; 6 * 4];
        writer.pack(&mut packed[..20]);
        writer.last = true;
        writer.pack(&mut packed[20..]);
        packed[18] ^= 1; // in the fifth
        let at = |i: usize| &packed[i * 4..(i + 1) * 4];
        let mut b = Book::new(false);
        assert!(b.see(at(0)) && b.see(at(3)) && b.see(at(1)) && b.see(at(4)));
        assert!(!b.see(at(5)));
        assert_eq!(b, Book { received: 5, gaps: 3, disordered: 1, corrupt: 1, done: true, next: 6, ..Book::default() });
        assert!(!Book::new(false).see_packed(&packed, 4));
    }
}
