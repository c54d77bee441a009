//! A job that does what the test tells it and writes down what happened to it, and runners that a test can stop or
//! kill.

use crate::harness::Harness;
use contract::ids::JobId;
use entity::{Global, job};
use sea_orm::{ColumnTrait, QueryFilter};
use serde::{Deserialize, Serialize};
use services::Platform;
use services::jobs::{Abandoned, Job, JobError, JobRun, Registry, Runner, RunnerSettings, queue};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Far longer than any test takes: whatever happens in time happens because something woke it.
pub const NEVER: Duration = Duration::from_secs(3600);
const PATIENCE: Duration = Duration::from_secs(30);

/// What a job does when it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Does {
    Succeeds,
    Fails,
    Panics,
    /// Fails in a way that may pass, at each attempt up to this one.
    FailsUpTo(u32),
    /// Waits for any reason to stop, then says which.
    WaitsForStop,
    /// Waits without looking at any token.
    Hangs,
    /// Waits for `Probe::release`, then writes in a transaction.
    WritesLater,
    /// Waits for `Probe::release`, then succeeds without having written.
    EndsLater,
    /// Waits until this many jobs of the probe run at once.
    Meets(usize),
    /// Runs a while across transactions.
    Works,
}

/// At most `MAX` attempts of `LIMIT` milliseconds each.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Task<const MAX: u32, const LIMIT: u64> {
    pub probe: Uuid,
    pub name: String,
    pub key: Option<String>,
    pub does: Does,
}

pub type Thrice = Task<3, 600_000>;
pub type Once = Task<1, 600_000>;
pub type Brief = Task<3, 100>;

impl<const MAX: u32, const LIMIT: u64> Job for Task<MAX, LIMIT> {
    const KIND: &'static str = match (MAX, LIMIT) {
        (3, 100) => "test.brief",
        (1, _) => "test.once",
        _ => "test.thrice",
    };
    const MAX_ATTEMPTS: u32 = MAX;
    const TIME_LIMIT: Duration = Duration::from_millis(LIMIT);

    fn serial_key(&self) -> Option<String> {
        self.key.clone()
    }

    async fn run(self, run: &JobRun) -> Result<(), JobError> {
        let probe = Probe::find(self.probe);
        let name = self.name.as_str();
        probe.note(format!("{name} starts {}", run.attempt));
        if run.stop().is_cancelled() {
            probe.note(format!("{name} is told to stop as it starts"));
        }
        let running = Running::start(&probe, name, self.key.as_deref());
        let outcome = match self.does {
            Does::Succeeds => Ok(()),
            Does::Fails => Err(JobError::Failed("it can't be done".into())),
            Does::Panics => panic!("a job that panics"),
            Does::FailsUpTo(last) if run.attempt <= last => Err(JobError::Retry(format!("attempt {}", run.attempt))),
            Does::FailsUpTo(_) => Ok(()),
            Does::WaitsForStop => {
                run.stop().cancelled().await;
                Err(run.why_stopped().expect("a reason"))
            }
            Does::Hangs => std::future::pending().await,
            Does::WritesLater => {
                probe.released.cancelled().await;
                let written = match run.tx().await {
                    Ok(tx) => tx.commit().await.map_err(JobError::from),
                    Err(error) => Err(error),
                };
                probe.note(format!("{name} writes {}: {written:?}", run.attempt));
                written
            }
            Does::EndsLater => {
                probe.released.cancelled().await;
                Ok(())
            }
            Does::Meets(others) => {
                probe.until(|seen| seen.iter().filter(|line| line.contains("starts")).count() >= others).await;
                Ok(())
            }
            Does::Works => {
                for _ in 0..3 {
                    run.tx().await?.commit().await?;
                    tokio::task::yield_now().await;
                }
                Ok(())
            }
        };
        running.ended();
        outcome
    }

    async fn abandon(self, run: &JobRun, why: Abandoned) -> Result<(), JobError> {
        let probe = Probe::find(self.probe);
        probe.note(format!("{} abandoned: {why}", self.name));
        if probe.breaks_abandoning() {
            return Err(JobError::Retry("not yet".into()));
        }
        run.tx().await?.commit().await?;
        Ok(())
    }
}

/// Notes when a job is dropped before it ended, and how many of a key run at once.
struct Running<'a> {
    probe: &'a Probe,
    name: &'a str,
    key: Option<&'a str>,
    ended: bool,
}

impl<'a> Running<'a> {
    fn start(probe: &'a Probe, name: &'a str, key: Option<&'a str>) -> Self {
        if let Some(key) = key {
            let mut keys = probe.keys.lock().unwrap();
            let (now, most) = keys.entry(key.to_owned()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        Self { probe, name, key, ended: false }
    }

    fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.probe.keys.lock().unwrap().entry(key.to_owned()).or_default().0 -= 1;
        }
        if !self.ended {
            self.probe.note(format!("{} dropped", self.name));
        }
    }
}

/// What a test sees of its jobs.
#[derive(Default)]
pub struct Probe {
    pub id: Uuid,
    seen: Mutex<Vec<String>>,
    changed: Notify,
    pub released: CancellationToken,
    /// Per serial key: running now, and the most that ran at once.
    pub keys: Mutex<HashMap<String, (usize, usize)>>,
    abandoning_breaks: Mutex<u32>,
}

static PROBES: LazyLock<Mutex<HashMap<Uuid, Arc<Probe>>>> = LazyLock::new(Mutex::default);

impl Probe {
    pub fn new() -> Arc<Self> {
        let probe = Arc::new(Self { id: Uuid::now_v7(), ..Self::default() });
        PROBES.lock().unwrap().insert(probe.id, probe.clone());
        probe
    }

    fn find(id: Uuid) -> Arc<Self> {
        PROBES.lock().unwrap()[&id].clone()
    }

    pub fn task<const MAX: u32, const LIMIT: u64>(&self, name: &str, does: Does) -> Task<MAX, LIMIT> {
        Task { probe: self.id, name: name.to_owned(), key: None, does }
    }

    pub fn note(&self, line: String) {
        self.seen.lock().unwrap().push(line);
        self.changed.notify_waiters();
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    pub fn break_abandoning(&self, times: u32) {
        *self.abandoning_breaks.lock().unwrap() = times;
    }

    fn breaks_abandoning(&self) -> bool {
        let mut times = self.abandoning_breaks.lock().unwrap();
        let breaks = *times > 0;
        *times = times.saturating_sub(1);
        breaks
    }

    pub async fn until(&self, holds: impl Fn(&[String]) -> bool) {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                if holds(&self.seen.lock().unwrap()) {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("it never happened; seen: {:#?}", self.seen());
        }
    }

    /// Waits until this was noted.
    pub async fn until_seen(&self, line: &str) {
        self.until(|seen| seen.iter().any(|each| each == line)).await;
    }
}

/// A runner in a task.
pub struct Working {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
    /// Asks it to stop and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// As kill -9 does it: nothing is written any more.
    pub async fn kill(self) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
    }
}

/// Looks often, keeps its lease for 30 s.
pub fn settings() -> RunnerSettings {
    RunnerSettings {
        lease: Duration::from_secs(30),
        poll: Duration::from_millis(10),
        heartbeat: Duration::from_millis(50),
        grace: Duration::from_millis(50),
        ..RunnerSettings::default()
    }
}

pub fn kinds() -> Registry {
    Registry::default().job::<Thrice>().job::<Once>().job::<Brief>()
}

pub fn work_with(platform: &Arc<Platform>, settings: RunnerSettings, registry: Registry) -> Working {
    let stop = CancellationToken::new();
    let runner = Runner::of(platform.clone(), settings, registry);
    Working { task: tokio::spawn(runner.run(stop.clone())), stop }
}

pub fn work(h: &Harness, settings: RunnerSettings) -> Working {
    work_with(&h.platform, settings, kinds())
}

/// Queues and wakes, as the gate does.
pub async fn enqueue<J: Job>(h: &Harness, job: &J) -> JobId {
    let tx = h.platform.database.begin().await.unwrap();
    let id = queue(&tx, h.now(), None, job).await.unwrap();
    tx.commit().await.unwrap();
    h.platform.jobs.wake();
    id
}

pub async fn row(h: &Harness, id: JobId) -> job::Model {
    job::Entity::rows().filter(job::Column::Id.eq(id)).one(h.platform.database.read()).await.unwrap().unwrap()
}

/// Waits until the stored job is so; answers it.
pub async fn until_row(h: &Harness, id: JobId, holds: impl Fn(&job::Model) -> bool) -> job::Model {
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    let wait = async {
        loop {
            let job = row(h, id).await;
            if holds(&job) {
                return job;
            }
            tick.tick().await;
        }
    };
    match tokio::time::timeout(PATIENCE, wait).await {
        Ok(job) => job,
        Err(_) => panic!("the job never became so: {:#?}", row(h, id).await),
    }
}

pub async fn until_status(h: &Harness, id: JobId, status: &str) -> job::Model {
    until_row(h, id, |job| job.status == status).await
}
