//! The runner: claims what is due as long as it has free slots, looks after the dead, keeps the reconcilers going. Any
//! number of runners may share a PostgreSQL database; each job is claimed by one of them.

use super::attempt::Attempt;
use super::{Lane, Registry, health, lease, reconciler, registry, status};
use crate::error::Result;
use crate::platform::Platform;
use contract::ids::JobId;
use entity::{Global, job};
use sea_orm::{ColumnTrait, PaginatorTrait, QueryFilter};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often it looks for the dead: their work waits for the rest of their lease, and so much longer.
const LOOK_EVERY: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub struct RunnerSettings {
    /// Jobs that run at the same time.
    pub slots: usize,
    /// The same for those that mostly wait.
    pub waiting_slots: usize,
    /// How long a job stays with a runner that says nothing.
    pub lease: Duration,
    /// How often it says something; a few times in a lease.
    pub heartbeat: Duration,
    /// How often it looks when nobody wakes it.
    pub poll: Duration,
    /// How long running jobs may take to hand themselves back when it stops.
    pub grace: Duration,
    /// Unique among all runners ever: whoever starts anew is another owner.
    pub owner: String,
}

impl Default for RunnerSettings {
    fn default() -> Self {
        Self {
            slots: 4,
            waiting_slots: 64,
            lease: Duration::from_secs(20),
            heartbeat: Duration::from_secs(5),
            poll: Duration::from_secs(1),
            grace: Duration::from_secs(20),
            owner: format!("{}-{}", std::process::id(), uuid::Uuid::now_v7().simple()),
        }
    }
}

/// What the runner shares with the attempts that it started.
pub(super) struct Shared {
    pub platform: Arc<Platform>,
    pub settings: RunnerSettings,
    pub stopping: CancellationToken,
}

pub struct Runner {
    shared: Arc<Shared>,
    registry: Registry,
    kinds: Vec<&'static str>,
    attempts: JoinSet<()>,
    /// Of the tasks in `attempts`, but for those that bury the dead, which take no slot.
    running: HashMap<Id, Running>,
}

struct Running {
    job: JobId,
    lane: Lane,
    /// Tells it that its end is wanted.
    cancel: CancellationToken,
}

impl Runner {
    /// A runner for all work of the platform.
    pub fn new(platform: Arc<Platform>, settings: RunnerSettings) -> Self {
        Self::of(platform, settings, registry())
    }

    /// A runner for this work only.
    pub fn of(platform: Arc<Platform>, settings: RunnerSettings, registry: Registry) -> Self {
        let kinds = registry.jobs.keys().copied().collect();
        let shared = Arc::new(Shared { platform, settings, stopping: CancellationToken::new() });
        Self { shared, registry, kinds, attempts: JoinSet::new(), running: HashMap::new() }
    }

    /// Works until told to stop. Then running jobs are asked to hand themselves back; what has not ended after the
    /// grace is dropped and handed back. When this returns, nothing of it runs any more.
    pub async fn run(mut self, stop: CancellationToken) {
        let reconcilers = reconciler::start(&self.shared.platform, &self.registry, &stop);
        let shared = self.shared.clone();
        let mut poll = interval(shared.settings.poll);
        let mut beat = interval(shared.settings.heartbeat);
        let mut look = interval(shared.settings.heartbeat.min(LOOK_EVERY));
        for timer in [&mut poll, &mut beat, &mut look] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        while !stop.is_cancelled() {
            if let Err(error) = self.start_due().await {
                tracing::warn!(%error, "the queue can't be read");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                _ = beat.tick() => {
                    if let Err(error) = health::report(&shared.platform, &shared.settings.owner).await {
                        tracing::warn!(%error, "the runner can't say that it works");
                    }
                }
                _ = look.tick() => {
                    if let Err(error) = self.look_after().await {
                        tracing::warn!(%error, "the queue can't be looked after");
                    }
                }
                _ = poll.tick() => {}
                () = shared.platform.jobs.woken() => {}
                Some(ended) = self.attempts.join_next_with_id() => self.ended(ended),
            }
        }
        shared.stopping.cancel();
        while let Some(ended) = self.attempts.join_next_with_id().await {
            self.ended(ended);
        }
        reconciler::stop(reconcilers, shared.settings.grace).await;
        if let Err(error) = health::withdraw(&shared.platform, &shared.settings.owner).await {
            tracing::warn!(%error, "the runner's end can't be noted");
        }
    }

    /// Tells running jobs whose end is wanted, and fills the free slots.
    async fn start_due(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let (database, settings) = (&shared.platform.database, &shared.settings);
        if !self.running.is_empty() {
            let wanted = lease::asked_to_cancel(database.read(), &settings.owner).await?;
            for running in self.running.values().filter(|running| wanted.contains(&running.job)) {
                running.cancel.cancel();
            }
        }
        for (lane, slots) in [(Lane::Work, settings.slots), (Lane::Waiting, settings.waiting_slots)] {
            self.fill(lane, slots).await?;
        }
        Ok(())
    }

    async fn fill(&mut self, lane: Lane, slots: usize) -> Result<()> {
        let shared = self.shared.clone();
        let (database, settings) = (&shared.platform.database, &shared.settings);
        let kinds: Vec<&'static str> = self
            .kinds
            .iter()
            .copied()
            .filter(|kind| self.registry.jobs.get(kind).is_some_and(|job| job.lane() == lane))
            .collect();
        if kinds.is_empty() {
            return Ok(());
        }
        while self.running.values().filter(|running| running.lane == lane).count() < slots {
            let now = shared.platform.clock.now();
            if !database.is_postgres() && !lease::any_due(database.read(), &kinds, now).await? {
                break;
            }
            let claimed = Instant::now();
            let job = lease::claim(database.write(), &kinds, &settings.owner, now, settings.lease).await?;
            let Some(attempt) = job.and_then(|job| self.attempt(job, claimed)) else { break };
            let running = Running { job: attempt.job.id, lane, cancel: attempt.cancel.clone() };
            let task = self.attempts.spawn(attempt.run());
            self.running.insert(task.id(), running);
        }
        Ok(())
    }

    /// Queues again what dead processes left, and buries what they left at its end.
    async fn look_after(&mut self) -> Result<()> {
        let shared = self.shared.clone();
        let (platform, settings) = (&shared.platform, &shared.settings);
        let write = platform.database.write();
        let again = lease::requeue_dead(write, platform.clock.now()).await?;
        if again > 0 {
            tracing::warn!("{again} jobs whose process stopped are queued again");
        }
        loop {
            let claimed = Instant::now();
            let now = platform.clock.now();
            let job = lease::take_over(write, &self.kinds, &settings.owner, now, settings.lease).await?;
            let Some(attempt) = job.and_then(|job| self.attempt(job, claimed)) else { break };
            self.attempts.spawn(attempt.bury());
        }
        let queued =
            job::Entity::rows().filter(job::Column::Status.eq(status::QUEUED)).count(platform.database.read()).await?;
        metrics::gauge!("canopy_jobs_queued").set(queued as f64);
        Ok(())
    }

    fn attempt(&self, job: job::Model, claimed: Instant) -> Option<Attempt> {
        let kind = self.registry.jobs.get(job.kind.as_str())?.clone();
        let cancel = CancellationToken::new();
        if job.cancel_requested_at.is_some() {
            cancel.cancel();
        }
        Some(Attempt { shared: self.shared.clone(), job, kind, claimed, cancel })
    }

    fn ended(&mut self, ended: std::result::Result<(Id, ()), tokio::task::JoinError>) {
        let id = match &ended {
            Ok((id, ())) => *id,
            Err(error) => {
                tracing::error!(%error, "the runner itself failed at a job; its lease will pass");
                error.id()
            }
        };
        self.running.remove(&id);
    }
}

/// At the start of the one process that holds an embedded database for itself: all leases are of processes that are
/// gone. Without it their jobs would wait for the leases to pass.
pub async fn release_leases_of_dead_owners(platform: &Platform) -> Result<u64> {
    lease::release_all(platform.database.write(), platform.clock.now()).await
}
