//! rvoip-infra-common's static fast path, as its own benchmark uses it: in one
//! process, a task for each subscriber, one for the publisher, which lets others
//! run after each thousand events. It keeps no publisher waiting: a subscriber
//! that falls behind gets an error whose text says how many events it missed.
//! (Its own benchmark ends the subscriber there; here it goes on.)

mod event;

use anyhow::{Context, Result, anyhow, bail};
use event::{Checked, RtpDescription, Sized};
use peers_common::clock::{Deadline, cpu, now};
use peers_common::event::{Book, WORD, Writer};
use peers_common::play::{Times, enter, seconds};
use peers_common::proto::{Config, Peer, Report, Station, serve};
use rvoip_infra_common::events::api::{EventPublisher, EventSubscriber, EventSystem as _};
use rvoip_infra_common::events::builder::{EventSystemBuilder, ImplementationType};
use rvoip_infra_common::events::system::EventSystem;
use rvoip_infra_common::events::types::EventError;

const PEER: Peer = Peer {
    name: "rvoip-infra-common",
    language: "Rust",
    version: "0.4.0",
    in_process: true,
    lossy: true,
    workloads: &["seed", "fanout", "pingpong"],
    batch: "publish_batch, which sends one after the other",
};

/// After how many events the publisher lets others run.
const YIELD_EVERY: u64 = 1000;

fn main() -> Result<()> {
    serve(PEER, role)
}

type Out<E> = Box<dyn EventPublisher<E>>;
type In<E> = Box<dyn EventSubscriber<E>>;

fn role(station: &Station) -> Result<()> {
    let c = &station.config;
    if c.is_seed() {
        return stream::<RtpDescription>(station);
    }
    match c.size / WORD {
        2 => sized::<2>(station),
        4 => sized::<4>(station),
        6 => sized::<6>(station),
        8 => sized::<8>(station),
        16 => sized::<16>(station),
        32 => sized::<32>(station),
        64 => sized::<64>(station),
        128 => sized::<128>(station),
        _ => bail!("size {}: values have a power of two from 16 to 1024 bytes, or 48", c.size),
    }
}

fn sized<const N: usize>(station: &Station) -> Result<()> {
    if station.config.is_pingpong() { pingpong::<Sized<N, 0>, Sized<N, 1>>(station) } else { stream::<Sized<N, 0>>(station) }
}

fn failed(e: EventError) -> anyhow::Error {
    anyhow!("{e}")
}

async fn system(c: &Config) -> Result<EventSystem> {
    let s = EventSystemBuilder::new()
        .implementation(ImplementationType::StaticFastPath)
        .channel_capacity(c.capacity)
        .build();
    s.start().await.map_err(failed)?;
    Ok(s)
}

fn stream<E: Checked>(station: &Station) -> Result<()> {
    let c = station.config.clone();
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let reports = runtime.block_on(async {
        let bus = system(&c).await?;
        E::register(c.capacity);
        let out: Out<E> = bus.create_publisher();
        let mut receivers = Vec::new();
        for _ in 0..c.subs {
            receivers.push(bus.subscribe::<E>().await.map_err(failed)?);
        }
        station.begin()?;
        let used = cpu();
        let tasks: Vec<_> = receivers.into_iter().map(|from| tokio::spawn(receive(from))).collect();
        let mut published = tokio::spawn(publish(out, c)).await??;
        let mut reports = Vec::new();
        for task in tasks {
            reports.push(task.await??);
        }
        published.cpu_seconds = seconds(cpu() - used);
        reports.push(published);
        anyhow::Ok(reports)
    })?;
    station.finish(&reports)
}

async fn publish<E: Checked>(out: Out<E>, c: Config) -> Result<Report> {
    let mut w = Writer::new(c.is_seed(), c.size);
    let mut r = Report { role: "pub", start_ns: now(), ..Report::default() };
    let mut begun = false;
    let mut rest = YIELD_EVERY;
    for time in [c.warm(), c.duration()] {
        if begun {
            (r.warm, r.begin_ns) = (w.count(), now());
        }
        begun = true;
        let over = Deadline::after(time);
        while !over.passed() {
            if c.batch == 1 {
                out.publish(E::make(&mut w)).await.map_err(failed)?;
            } else {
                let batch = (0..c.batch).map(|_| E::make(&mut w)).collect();
                out.publish_batch(batch).await.map_err(failed)?;
            }
            rest = rest.saturating_sub(c.batch as u64);
            if rest == 0 {
                rest = YIELD_EVERY;
                tokio::task::yield_now().await;
            }
        }
    }
    w.last = true;
    out.publish(E::make(&mut w)).await.map_err(failed)?;
    r.published = w.count();
    r.end_ns = now();
    Ok(r)
}

/// How many events an error tells of as missed. It is a text only.
fn lagged(e: &EventError) -> Option<u64> {
    let text = e.to_string();
    let (_, rest) = text.split_once("lagged by ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

async fn receive<E: Checked>(mut from: In<E>) -> Result<Report> {
    let mut book = Book::new(false);
    let mut r = Report { role: "sub", begin_ns: now(), ..Report::default() };
    while !book.done {
        match from.receive().await {
            Ok(event) => {
                book.enter(event.note());
            }
            Err(e) => match lagged(&e) {
                Some(n) => book.missed += n,
                None => bail!("receive: {e}"),
            },
        }
    }
    r.end_ns = now();
    enter(&book, &mut r);
    Ok(r)
}

fn pingpong<There: Checked, Back: Checked>(station: &Station) -> Result<()> {
    let c = station.config.clone();
    let times = Times::new()?;
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let reports = runtime.block_on(async {
        let bus = system(&c).await?;
        There::register(c.capacity);
        Back::register(c.capacity);
        let (there, back): (Out<There>, Out<Back>) = (bus.create_publisher(), bus.create_publisher());
        let pong_from = bus.subscribe::<There>().await.map_err(failed)?;
        let ping_from = bus.subscribe::<Back>().await.map_err(failed)?;
        station.begin()?;
        let used = cpu();
        let pong = tokio::spawn(pong(pong_from, back, c.size));
        let ping = tokio::spawn(ping(ping_from, there, c, times));
        let mut reports = vec![ping.await??, pong.await??];
        reports[0].cpu_seconds = seconds(cpu() - used);
        anyhow::Ok(reports)
    })?;
    station.finish(&reports)
}

async fn ping<There: Checked, Back: Checked>(mut from: In<Back>, out: Out<There>, c: Config, mut times: Times) -> Result<Report> {
    let (mut w, mut book) = (Writer::new(false, c.size), Book::new(false));
    let (warm, over) = (Deadline::after(c.warm()), Deadline::after(c.warm() + c.duration()));
    let mut r = Report { role: "ping", ..Report::default() };
    while !book.done {
        out.publish(There::make(&mut w)).await.map_err(failed)?;
        book.enter(from.receive().await.map_err(failed)?.note());
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
    Ok(r)
}

async fn pong<There: Checked, Back: Checked>(mut from: In<There>, out: Out<Back>, size: usize) -> Result<Report> {
    let (mut w, mut book) = (Writer::new(false, size), Book::new(false));
    let mut r = Report { role: "pong", begin_ns: now(), ..Report::default() };
    while !book.done {
        book.enter(from.receive().await.map_err(failed)?.note());
        w.last = book.done;
        out.publish(Back::make(&mut w)).await.map_err(failed)?;
    }
    r.end_ns = now();
    r.published = w.count();
    enter(&book, &mut r);
    Ok(r)
}
