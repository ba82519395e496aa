//! What the peers in Rust have in common: the events and how they are booked,
//! the conductor's protocol, and the roles of a run. See proto and event of the
//! Go module beside this one; both speak and write the same.

pub mod clock;
pub mod event;
pub mod play;
pub mod proto;
