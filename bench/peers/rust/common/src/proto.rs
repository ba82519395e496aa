//! What a role and the conductor of a run say to each other. The Go module's
//! package proto describes it.

use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// A description of a peer.
#[derive(Serialize)]
pub struct Peer {
    pub name: &'static str,
    pub language: &'static str,
    pub version: &'static str,
    pub in_process: bool,
    pub lossy: bool,
    pub workloads: &'static [&'static str],
    pub batch: &'static str,
}

/// What a role is to do.
#[derive(Deserialize, Clone, Debug)]
pub struct Config {
    pub role: String,
    #[serde(default)]
    pub index: usize,
    pub workload: String,
    pub size: usize,
    pub batch: usize,
    pub subs: usize,
    pub capacity: usize,
    duration_ns: u64,
    warm_ns: u64,
    pub dir: String,
}

impl Config {
    pub fn is_seed(&self) -> bool {
        self.workload == "seed"
    }

    pub fn is_pingpong(&self) -> bool {
        self.workload == "pingpong"
    }

    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.duration_ns)
    }

    pub fn warm(&self) -> Duration {
        Duration::from_nanos(self.warm_ns)
    }
}

/// What one role did.
#[derive(Serialize, Default, Debug, Clone)]
pub struct Report {
    pub role: &'static str,
    pub published: u64,
    pub warm: u64,
    pub received: u64,
    pub missed: u64,
    pub gaps: u64,
    pub disordered: u64,
    pub corrupt: u64,
    /// When a publisher of a lossy peer began, warming up included.
    pub start_ns: i64,
    pub begin_ns: i64,
    pub end_ns: i64,
    pub cpu_seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ns: Option<Percentiles>,
}

/// One-way times in nanoseconds.
#[derive(Serialize, Debug, Clone)]
pub struct Percentiles {
    pub p50: u64,
    pub p90: u64,
    pub p99: u64,
    pub p999: u64,
    pub max: u64,
}

/// A role's line to its conductor.
pub struct Station {
    pub config: Config,
    go: mpsc::Receiver<()>,
    gone: mpsc::Receiver<()>,
    over: Arc<AtomicBool>,
}

impl Station {
    /// Reads the configuration, and from then on watches the conductor: a
    /// process that lost it in the middle of a run ends.
    fn open() -> Result<Self> {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("read the configuration")?;
        let config = serde_json::from_str(&line).context("read the configuration")?;
        let (go_in, go) = mpsc::channel();
        let (gone_in, gone) = mpsc::channel();
        let over = Arc::new(AtomicBool::new(false));
        let done = over.clone();
        std::thread::spawn(move || {
            for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
                let _ = go_in.send(());
            }
            if !done.load(Ordering::Acquire) {
                std::process::exit(1);
            }
            let _ = gone_in.send(());
        });
        Ok(Station { config, go, gone, over })
    }

    /// Says that the role has joined, and waits for the word to go.
    pub fn begin(&self) -> Result<()> {
        say(&serde_json::json!({"ready": true}))?;
        self.go.recv().context("wait for the word to begin")
    }

    /// Reports, and returns when everybody has: a peer that leaves early may
    /// take away what others still read.
    pub fn finish(&self, reports: &[Report]) -> Result<()> {
        self.over.store(true, Ordering::Release);
        say(&serde_json::json!({ "reports": reports }))?;
        self.gone.recv().context("wait for the end")
    }
}

fn say(answer: &serde_json::Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}").and_then(|()| out.flush()).context("answer")
}

/// The main function of a peer's program.
pub fn serve(peer: Peer, role: impl FnOnce(&Station) -> Result<()>) -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("describe") => {
            println!("{}", serde_json::to_string(&[peer])?);
            Ok(())
        }
        Some("role") => Station::open().and_then(|s| role(&s)).inspect_err(|e| {
            let _ = say(&serde_json::json!({ "error": format!("{e:#}") }));
        }),
        _ => bail!("usage: {} describe | role; the program peers starts it", peer.name),
    }
}
