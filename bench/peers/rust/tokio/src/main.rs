//! tokio's broadcast channel: in one process, a task for each subscriber, on
//! tokio's threads, the publisher on a thread of its own. It keeps no publisher
//! waiting: a subscriber that is slower than a channel's capacity is told how
//! many events it missed. A batch is one message, shared by all subscribers.

use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result, bail};
use peers_common::clock::{Deadline, cpu, now};
use peers_common::event::{Book, WORD, Writer};
use peers_common::play::{Times, batches, enter, seconds};
use peers_common::proto::{Config, Peer, Report, Station, serve};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{Receiver, Sender, channel};

const PEER: Peer = Peer {
    name: "tokio-broadcast",
    language: "Rust",
    version: "1.54.1",
    in_process: true,
    lossy: true,
    workloads: &["seed", "fanout", "pingpong"],
    batch: "one message, shared by all subscribers",
};

fn main() -> Result<()> {
    serve(PEER, role)
}

/// What a message is: an event, or a batch of them.
trait Message: Clone + Send + 'static {
    fn make(w: &mut Writer, n: usize) -> Self;
    fn words(&self) -> &[u64];
}

impl<const N: usize> Message for [u64; N] {
    fn make(w: &mut Writer, _: usize) -> Self {
        let mut event = [0; N];
        w.next(&mut event);
        event
    }
    fn words(&self) -> &[u64] {
        self
    }
}

impl Message for Arc<[u64]> {
    fn make(w: &mut Writer, n: usize) -> Self {
        let mut batch: Arc<[u64]> = std::iter::repeat_n(0, n * w.words).collect();
        w.pack(Arc::get_mut(&mut batch).expect("nobody else has it yet"));
        batch
    }
    fn words(&self) -> &[u64] {
        self
    }
}

fn role(station: &Station) -> Result<()> {
    let c = &station.config;
    if c.batch > 1 {
        return run::<Arc<[u64]>>(station);
    }
    match c.size / WORD {
        2 => run::<[u64; 2]>(station),
        4 => run::<[u64; 4]>(station),
        6 => run::<[u64; 6]>(station),
        8 => run::<[u64; 8]>(station),
        16 => run::<[u64; 16]>(station),
        32 => run::<[u64; 32]>(station),
        64 => run::<[u64; 64]>(station),
        128 => run::<[u64; 128]>(station),
        _ => bail!("size {}: values have a power of two from 16 to 1024 bytes, or 48", c.size),
    }
}

fn run<M: Message>(station: &Station) -> Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let reports = if station.config.is_pingpong() { pingpong::<M>(station, &runtime) } else { stream::<M>(station, &runtime) }?;
    station.finish(&reports)
}

fn stream<M: Message>(station: &Station, runtime: &tokio::runtime::Runtime) -> Result<Vec<Report>> {
    let c = station.config.clone();
    let (out, _) = channel::<M>(batches(&c));
    let receivers: Vec<_> = (0..c.subs).map(|_| out.subscribe()).collect();
    station.begin()?;
    let used = cpu();
    let tasks: Vec<_> = receivers.into_iter().map(|from| runtime.spawn(receive(from, c.clone()))).collect();
    let publisher = thread::spawn(move || publish(out, &c));
    let mut published = publisher.join().expect("the publisher does not panic");
    let mut reports = Vec::new();
    for task in tasks {
        reports.push(runtime.block_on(task)?);
    }
    published.cpu_seconds = seconds(cpu() - used);
    reports.push(published);
    Ok(reports)
}

fn publish<M: Message>(out: Sender<M>, c: &Config) -> Report {
    let mut w = Writer::new(c.is_seed(), c.size);
    let mut r = Report { role: "pub", start_ns: now(), ..Report::default() };
    let until = |w: &mut Writer, over: Deadline| {
        while !over.passed() {
            // It fails only if there are no subscribers, who stay to the end.
            let _ = out.send(M::make(w, c.batch));
        }
    };
    until(&mut w, Deadline::after(c.warm()));
    (r.warm, r.begin_ns) = (w.count(), now());
    until(&mut w, Deadline::after(c.duration()));
    w.last = true;
    let _ = out.send(M::make(&mut w, 1));
    r.published = w.count();
    r.end_ns = now();
    r
}

async fn receive<M: Message>(mut from: Receiver<M>, c: Config) -> Report {
    let mut book = Book::new(c.is_seed());
    let mut r = Report { role: "sub", begin_ns: now(), ..Report::default() };
    let words = c.size / WORD;
    while !book.done {
        match from.recv().await {
            Ok(m) => {
                book.see_packed(m.words(), words);
            }
            Err(RecvError::Lagged(n)) => book.missed += n * c.batch as u64,
            Err(RecvError::Closed) => break,
        }
    }
    r.end_ns = now();
    enter(&book, &mut r);
    r
}

fn pingpong<M: Message>(station: &Station, runtime: &tokio::runtime::Runtime) -> Result<Vec<Report>> {
    let c = station.config.clone();
    let ((there, pong_from), (back, ping_from)) = (channel::<M>(c.capacity), channel::<M>(c.capacity));
    let times = Times::new()?;
    station.begin()?;
    let used = cpu();
    let pong = runtime.spawn(pong(pong_from, back, c.clone()));
    let ping = runtime.spawn(ping(ping_from, there, c, times));
    let mut reports = vec![runtime.block_on(ping)?, runtime.block_on(pong)?];
    reports[0].cpu_seconds = seconds(cpu() - used);
    Ok(reports)
}

async fn ping<M: Message>(mut from: Receiver<M>, out: Sender<M>, c: Config, mut times: Times) -> Report {
    let (mut w, mut book) = (Writer::new(false, c.size), Book::new(false));
    let (warm, over) = (Deadline::after(c.warm()), Deadline::after(c.warm() + c.duration()));
    let mut r = Report { role: "ping", ..Report::default() };
    while !book.done {
        let _ = out.send(M::make(&mut w, 1));
        let Ok(m) = from.recv().await else { break };
        book.see(m.words());
        if r.begin_ns != 0 {
            times.lap();
        } else if warm.passed() {
            (r.warm, r.begin_ns) = (w.count(), now());
            times.start();
        }
        w.last = r.begin_ns != 0 && over.passed();
    }
    r.end_ns = now();
    r.published = w.count();
    r.latency_ns = Some(times.percentiles());
    enter(&book, &mut r);
    r
}

async fn pong<M: Message>(mut from: Receiver<M>, out: Sender<M>, c: Config) -> Report {
    let (mut w, mut book) = (Writer::new(false, c.size), Book::new(false));
    let mut r = Report { role: "pong", begin_ns: now(), ..Report::default() };
    while !book.done {
        let Ok(m) = from.recv().await else { break };
        book.see(m.words());
        w.last = book.done;
        let _ = out.send(M::make(&mut w, 1));
    }
    r.end_ns = now();
    r.published = w.count();
    enter(&book, &mut r);
    r
}
