//! The events as types of the bus.

use std::any::Any;

use peers_common::event::{Note, SEED_NAMES, SEED_PAYLOAD_SIZE, SEED_PAYLOAD_TYPE, SeedFields, Writer, read, sum};
use rvoip_infra_common::events::registry::GlobalTypeRegistry;
use rvoip_infra_common::events::types::{Event, EventPriority, StaticEvent};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// An event that can be written and checked.
pub trait Checked: StaticEvent {
    fn make(w: &mut Writer) -> Self;
    fn note(&self) -> Note;

    /// Makes the type known to the bus, with a channel of this capacity.
    fn register(capacity: usize) {
        GlobalTypeRegistry::register_static_event_type::<Self>();
        GlobalTypeRegistry::register_with_capacity::<Self>(capacity);
    }
}

/// The event of the bus's own benchmark, under another name: it has a special
/// case for the name that the benchmark uses.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RtpDescription {
    stream_id: String,
    sequence_number: u32,
    timestamp: u64,
    payload_type: u8,
    marker: bool,
    payload_size: usize,
    lap: u32,
    last: bool,
    sum: u64,
}

impl Event for RtpDescription {
    fn event_type() -> &'static str {
        "rtp_description"
    }
    fn priority() -> EventPriority {
        EventPriority::High
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl StaticEvent for RtpDescription {}

impl RtpDescription {
    fn fields(&self) -> SeedFields {
        SeedFields {
            time: self.timestamp,
            stream: 0,
            sequence: self.sequence_number,
            marker: self.marker,
            last: self.last,
            lap: self.lap,
        }
    }

    fn checksum(&self) -> u64 {
        sum(&self.fields().words(self.stream_id.as_bytes(), self.payload_type, self.payload_size as u16))
    }
}

impl Checked for RtpDescription {
    fn make(w: &mut Writer) -> Self {
        let f = SeedFields::new(w.next_seq(), w.last);
        let mut event = RtpDescription {
            stream_id: SEED_NAMES[f.stream as usize].to_string(),
            sequence_number: f.sequence,
            timestamp: f.time,
            payload_type: SEED_PAYLOAD_TYPE,
            marker: f.marker,
            payload_size: SEED_PAYLOAD_SIZE as usize,
            lap: f.lap,
            last: f.last,
            sum: 0,
        };
        event.sum = event.checksum();
        event
    }

    fn note(&self) -> Note {
        let seq = (self.lap as u64) << 32 | self.sequence_number as u64;
        Note { seq, last: self.last, ok: self.checksum() == self.sum }
    }
}

/// An event of N words; those of the two links of a ping-pong are two types, as
/// the bus has one channel for each type.
#[derive(Clone, Debug)]
pub struct Sized<const N: usize, const LINK: usize>([u64; N]);

impl<const N: usize, const LINK: usize> Serialize for Sized<N, LINK> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(&self.0)
    }
}

impl<'de, const N: usize, const LINK: usize> Deserialize<'de> for Sized<N, LINK> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let words = Vec::<u64>::deserialize(d)?;
        let length = words.len();
        words.try_into().map(Sized).map_err(|_| D::Error::invalid_length(length, &"the words of an event"))
    }
}

impl<const N: usize, const LINK: usize> Event for Sized<N, LINK> {
    fn event_type() -> &'static str {
        if LINK == 0 { "sized" } else { "sized_back" }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl<const N: usize, const LINK: usize> StaticEvent for Sized<N, LINK> {}

impl<const N: usize, const LINK: usize> Checked for Sized<N, LINK> {
    fn make(w: &mut Writer) -> Self {
        let mut event = Sized([0; N]);
        w.next(&mut event.0);
        event
    }

    fn note(&self) -> Note {
        read(&self.0)
    }
}
