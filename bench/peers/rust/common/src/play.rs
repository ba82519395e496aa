//! The roles of a run, for peers whose ends are polled.

use std::time::Instant;

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;

use crate::clock::{Deadline, clock_cost, cpu, now};
use crate::event::{Book, Writer};
use crate::proto::{Config, Percentiles, Report, Station};

/// Sends events.
pub trait Publisher {
    /// Has w write n events where the peer wants them, and sends them.
    fn publish(&mut self, w: &mut Writer, n: usize) -> Result<()>;
}

/// Receives events.
pub trait Subscriber {
    /// Shows what is there, all events of it one behind the other. Returns false
    /// if there was nothing.
    fn poll(&mut self, see: &mut dyn FnMut(&[u64])) -> Result<bool>;
}

/// How often a reader looks in vain before it lets others run. Who plays
/// ping-pong has a processor to itself.
const LOOKS_STREAM: u32 = 64;
const LOOKS_PINGPONG: u32 = 20_000;

fn wait(vain: &mut u32, most: u32) {
    *vain += 1;
    if *vain < most {
        std::hint::spin_loop();
    } else {
        *vain = 0;
        std::thread::yield_now();
    }
}

/// Publishes for as long as it is told.
pub fn publish(station: &Station, mut out: impl Publisher) -> Result<()> {
    let c = &station.config;
    let mut w = Writer::new(c.is_seed(), c.size);
    station.begin()?;
    let used = cpu();
    let mut until = |w: &mut Writer, over: Deadline| -> Result<()> {
        while !over.passed() {
            out.publish(w, c.batch).context("publish")?;
        }
        Ok(())
    };
    until(&mut w, Deadline::after(c.warm()))?;
    let mut r = Report { role: "pub", warm: w.count(), begin_ns: now(), ..Report::default() };
    until(&mut w, Deadline::after(c.duration()))?;
    w.last = true;
    out.publish(&mut w, 1).context("publish the last event")?;
    r.published = w.count();
    r.end_ns = now();
    r.cpu_seconds = seconds(cpu() - used);
    station.finish(&[r])
}

/// Receives until the last event.
pub fn subscribe(station: &Station, mut from: impl Subscriber) -> Result<()> {
    let c = &station.config;
    let mut book = Book::new(c.is_seed());
    station.begin()?;
    let used = cpu();
    let mut r = Report { role: "sub", begin_ns: now(), ..Report::default() };
    let (words, mut vain) = (c.size / crate::event::WORD, 0);
    while !book.done {
        if from.poll(&mut |packed| {
            book.see_packed(packed, words);
        })? {
            vain = 0;
        } else {
            wait(&mut vain, LOOKS_STREAM);
        }
    }
    r.end_ns = now();
    r.cpu_seconds = seconds(cpu() - used);
    enter(&book, &mut r);
    station.finish(&[r])
}

/// One side of a ping-pong.
pub fn pingpong(station: &Station, out: impl Publisher, from: impl Subscriber) -> Result<()> {
    match station.config.role.as_str() {
        "ping" => ping(station, out, from),
        "pong" => pong(station, out, from),
        other => bail!("no role of a ping-pong is called {other:?}"),
    }
}

fn ping(station: &Station, mut out: impl Publisher, mut from: impl Subscriber) -> Result<()> {
    let c = &station.config;
    let (mut w, mut book) = (Writer::new(false, c.size), Book::new(false));
    let mut times = Times::new()?;
    station.begin()?;
    let used = cpu();
    let (warm, over) = (Deadline::after(c.warm()), Deadline::after(c.warm() + c.duration()));
    let mut r = Report { role: "ping", ..Report::default() };
    while !book.done {
        out.publish(&mut w, 1).context("publish")?;
        await_one(&mut from, &mut book, w.count())?;
        if r.begin_ns != 0 {
            times.lap();
        } else if warm.passed() {
            (r.warm, r.begin_ns) = (w.count(), now());
            times.start();
        }
        w.last = r.begin_ns != 0 && over.passed();
    }
    r.end_ns = now();
    r.cpu_seconds = seconds(cpu() - used);
    r.published = w.count();
    r.latency_ns = Some(times.percentiles());
    enter(&book, &mut r);
    station.finish(&[r])
}

fn pong(station: &Station, mut out: impl Publisher, mut from: impl Subscriber) -> Result<()> {
    let (mut w, mut book) = (Writer::new(false, station.config.size), Book::new(false));
    station.begin()?;
    let used = cpu();
    let mut r = Report { role: "pong", begin_ns: now(), ..Report::default() };
    while !book.done {
        await_one(&mut from, &mut book, w.count() + 1)?;
        w.last = book.done;
        out.publish(&mut w, 1).context("publish")?;
    }
    r.end_ns = now();
    r.cpu_seconds = seconds(cpu() - used);
    r.published = w.count();
    enter(&book, &mut r);
    station.finish(&[r])
}

fn await_one(from: &mut impl Subscriber, book: &mut Book, want: u64) -> Result<()> {
    let mut vain = 0;
    while book.received < want {
        if !from.poll(&mut |event| {
            book.see(event);
        })? {
            wait(&mut vain, LOOKS_PINGPONG);
        }
    }
    Ok(())
}

/// Round trips, kept as one-way times.
pub struct Times {
    kept: Histogram<u64>,
    clock: i64,
    start: Instant,
}

impl Times {
    pub fn new() -> Result<Self> {
        const LONGEST: u64 = 100_000_000_000;
        const DIGITS: u8 = 3;
        let kept = Histogram::new_with_bounds(1, LONGEST, DIGITS).context("make a histogram")?;
        Ok(Times { kept, clock: clock_cost(), start: Instant::now() })
    }

    /// Begins the first round.
    pub fn start(&mut self) {
        self.start = Instant::now();
    }

    /// Ends a round and begins the next.
    pub fn lap(&mut self) {
        let end = Instant::now();
        let trip = (end - self.start).as_nanos() as i64;
        self.kept.saturating_record(((trip - self.clock) / 2).max(1) as u64);
        self.start = end;
    }

    pub fn percentiles(&self) -> Percentiles {
        let at = |q| self.kept.value_at_quantile(q);
        Percentiles { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: self.kept.max() }
    }
}

/// Enters what a subscriber got into its report.
pub fn enter(book: &Book, r: &mut Report) {
    r.received = book.received;
    r.missed = book.missed;
    r.gaps = book.gaps;
    r.disordered = book.disordered;
    r.corrupt = book.corrupt;
}

/// Nanoseconds as seconds.
pub fn seconds(ns: i64) -> f64 {
    ns as f64 / 1e9
}

/// How many events of a run may be under way in a channel that takes batches.
pub fn batches(c: &Config) -> usize {
    (c.capacity / c.batch).max(1)
}
