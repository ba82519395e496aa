//! Time: the monotonic clock that all processes share, processor time, and a
//! deadline that costs a load to look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

fn read(id: ClockId) -> i64 {
    let t = clock_gettime(id);
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}

/// Nanoseconds of the monotonic clock.
pub fn now() -> i64 {
    read(ClockId::Monotonic)
}

/// Nanoseconds of processor time that the process used so far.
pub fn cpu() -> i64 {
    read(ClockId::ProcessCPUTime)
}

/// A flag that rises after a time.
#[derive(Clone)]
pub struct Deadline(Arc<AtomicBool>);

impl Deadline {
    pub fn after(d: Duration) -> Self {
        let flag = Arc::new(AtomicBool::new(false));
        let risen = flag.clone();
        std::thread::spawn(move || {
            std::thread::sleep(d);
            risen.store(true, Ordering::Relaxed);
        });
        Deadline(flag)
    }

    pub fn passed(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What one reading of the clock takes. Every round trip has one in it, which is
/// taken off.
pub fn clock_cost() -> i64 {
    const READS: u32 = 8;
    let mut costs: Vec<i64> = (0..1024)
        .map(|_| {
            let start = Instant::now();
            let mut end = start;
            for _ in 0..READS {
                end = Instant::now();
            }
            ((end - start) / READS).as_nanos() as i64
        })
        .collect();
    costs.sort_unstable();
    costs[costs.len() / 2]
}
