//! iceoryx2: publish-subscribe through shared memory, filled and read in place.
//! Without overflow, and with a publisher that retries until every subscriber
//! has room, nothing is lost. A batch is one sample, a slice of its events.

use anyhow::{Context, Result, anyhow, bail};
use iceoryx2::port::publisher::Publisher as Port;
use iceoryx2::port::subscriber::Subscriber as Inbox;
use iceoryx2::prelude::*;
use iceoryx2::service::port_factory::publish_subscribe::PortFactory;
use peers_common::event::{WORD, Writer};
use peers_common::play::{Publisher, Subscriber, batches, pingpong, publish, subscribe};
use peers_common::proto::{Config, Peer, Station, serve};

const PEER: Peer = Peer {
    name: "iceoryx2",
    language: "Rust",
    version: "0.10.0",
    in_process: false,
    lossy: false,
    workloads: &["seed", "fanout", "pingpong"],
    batch: "one sample, a slice of events; readers poll",
};

const BORROWED: usize = 2;

fn main() -> Result<()> {
    serve(PEER, role)
}

fn role(station: &Station) -> Result<()> {
    let c = &station.config;
    set_log_level(LogLevel::Error);
    let node = NodeBuilder::new()
        .config(&place(c)?)
        .signal_handling_mode(SignalHandlingMode::Disabled)
        .create::<ipc::Service>()
        .map_err(|e| anyhow!("make a node: {e:?}"))?;
    match c.role.as_str() {
        "pub" => publish(station, outlet(c, &service(&node, c, "there")?)?),
        "sub" => subscribe(station, inlet(&service(&node, c, "there")?)?),
        "ping" | "pong" => {
            let (there, back) = (service(&node, c, "there")?, service(&node, c, "back")?);
            let (from, to) = if c.role == "ping" { (&back, &there) } else { (&there, &back) };
            pingpong(station, outlet(c, to)?, inlet(from)?)
        }
        other => bail!("no role is called {other:?}"),
    }
}

/// Keeps all its files in the run's directory, and begins the names of its
/// shared memory with the directory's.
fn place(c: &Config) -> Result<iceoryx2::config::Config> {
    let dir = std::path::Path::new(&c.dir);
    let name = dir.file_name().and_then(|n| n.to_str()).context("the run's directory has no name")?;
    let mut config = iceoryx2::config::Config::default();
    config.global.prefix = FileName::new(format!("{name}-").as_bytes()).map_err(|e| anyhow!("prefix: {e:?}"))?;
    config.global.set_root_path(&Path::new(c.dir.as_bytes()).map_err(|e| anyhow!("directory: {e:?}"))?);
    Ok(config)
}

type Service = PortFactory<ipc::Service, [u64], ()>;

fn service(node: &Node<ipc::Service>, c: &Config, link: &str) -> Result<Service> {
    let name = ServiceName::new(link).map_err(|e| anyhow!("name: {e:?}"))?;
    // Several processes ask for it at once; who comes between two steps of
    // another asks again.
    let mut tries = 0;
    loop {
        let made = node
            .service_builder(&name)
            .publish_subscribe::<[u64]>()
            .enable_safe_overflow(false)
            .history_size(0)
            .max_publishers(1)
            .max_subscribers(c.subs)
            .max_nodes(c.subs + 4)
            .subscriber_max_buffer_size(batches(c))
            .subscriber_max_borrowed_samples(BORROWED)
            .open_or_create();
        match made {
            Ok(s) => return Ok(s),
            Err(e) if tries == 100 => bail!("open the service: {e:?}"),
            Err(_) => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
        tries += 1;
    }
}

struct Outlet {
    port: Port<ipc::Service, [u64], ()>,
}

fn outlet(c: &Config, s: &Service) -> Result<Outlet> {
    let port = s
        .publisher_builder()
        .initial_max_slice_len(c.batch * c.size / WORD)
        .max_loaned_samples(1)
        .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
        .create()
        .map_err(|e| anyhow!("make a publisher: {e:?}"))?;
    Ok(Outlet { port })
}

impl Publisher for Outlet {
    fn publish(&mut self, w: &mut Writer, n: usize) -> Result<()> {
        let mut sample = self.port.loan_slice_uninit(n * w.words).map_err(|e| anyhow!("loan: {e:?}"))?;
        let memory = sample.payload_mut();
        // SAFETY: any bits are a u64, the memory is shared memory that the
        // kernel or an earlier event has written, and pack writes all of it.
        let sample = unsafe {
            w.pack(std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), memory.len()));
            sample.assume_init()
        };
        sample.send().map_err(|e| anyhow!("send: {e:?}"))?;
        Ok(())
    }
}

struct Inlet {
    port: Inbox<ipc::Service, [u64], ()>,
}

fn inlet(s: &Service) -> Result<Inlet> {
    let port = s.subscriber_builder().create().map_err(|e| anyhow!("make a subscriber: {e:?}"))?;
    Ok(Inlet { port })
}

impl Subscriber for Inlet {
    fn poll(&mut self, see: &mut dyn FnMut(&[u64])) -> Result<bool> {
        let mut any = false;
        while let Some(sample) = self.port.receive().map_err(|e| anyhow!("receive: {e:?}"))? {
            any = true;
            see(sample.payload());
        }
        Ok(any)
    }
}
