//! A deployment's log: output of programs and words of the platform become numbered rows, many per transaction. The
//! front end never blocks whoever speaks; the writer runs beside the work and stores under the job's lease, so a
//! process that lost it writes no line.

use super::lines::Lines;
use super::mask::Secrets;
use crate::clock::Clock;
use crate::jobs::{JobError, JobRun};
use crate::servers::engine::{Output, OutputSink};
use contract::deployments::{Step, Stream};
use contract::ids::{DeploymentId, OrganizationId};
use entity::{Tenant, deployment_log_line};
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

/// More would help nobody; what comes after is not kept.
const MOST_LINES: u64 = 50_000;
const MOST_BYTES: u64 = 32 * 1024 * 1024;
/// Lines in one transaction, and how long the first of them waits for company.
const BATCH: usize = 200;
const BATCH_WAIT: Duration = Duration::from_millis(100);
/// A database that is busy gets so many tries.
const TRIES: u32 = 5;

/// Where lines are said. Cheap to clone.
#[derive(Clone)]
pub struct Log(Arc<Speaker>);

struct Speaker {
    clock: Arc<dyn Clock>,
    secrets: Secrets,
    state: Mutex<State>,
}

struct State {
    lines: Option<UnboundedSender<Line>>,
    step: Step,
    stdout: Lines,
    stderr: Lines,
    kept_lines: u64,
    kept_bytes: u64,
    full: bool,
}

struct Line {
    at: contract::Time,
    step: Step,
    stream: Stream,
    text: String,
}

/// Stores what is said, beside the work: joined with it, so that both end together.
pub struct Writer {
    lines: UnboundedReceiver<Line>,
    organization: OrganizationId,
    deployment: DeploymentId,
}

/// A log that continues after the lines which are there already.
pub fn open(
    clock: Arc<dyn Clock>,
    organization: OrganizationId,
    deployment: DeploymentId,
    step: Step,
    secrets: Secrets,
) -> (Log, Writer) {
    let (sender, lines) = unbounded_channel();
    let state = State {
        lines: Some(sender),
        step,
        stdout: Lines::new(secrets.clone()),
        stderr: Lines::new(secrets.clone()),
        kept_lines: 0,
        kept_bytes: 0,
        full: false,
    };
    let log = Log(Arc::new(Speaker { clock, secrets, state: Mutex::new(state) }));
    (log, Writer { lines, organization, deployment })
}

impl Log {
    /// A line of the platform itself.
    pub fn say(&self, text: impl AsRef<str>) {
        let text = self.0.secrets.mask(&super::lines::clean(text.as_ref()));
        let mut state = self.state();
        for line in text.lines() {
            let mut line = line.to_owned();
            line.truncate(line.floor_char_boundary(super::lines::LONGEST));
            state.keep(self.0.clock.now(), Stream::System, line);
        }
    }

    /// The lines that follow belong to this step.
    pub fn step(&self, step: Step) {
        let mut state = self.state();
        state.end_streams(self.0.clock.now());
        state.step = step;
    }

    /// Takes a program's output.
    pub fn output(&self, output: &Output) {
        let now = self.0.clock.now();
        let mut state = self.state();
        let mut lines = Vec::new();
        let stream = match output.stream {
            Stream::Stderr => &mut state.stderr,
            Stream::Stdout | Stream::System => &mut state.stdout,
        };
        stream.push(&output.bytes, |line| lines.push(line));
        for line in lines {
            state.keep(now, output.stream, line);
        }
    }

    /// A line that is clean and masked already.
    pub fn keep_line(&self, stream: Stream, text: String) {
        let now = self.0.clock.now();
        self.state().keep(now, stream, text);
    }

    pub fn sink(&self) -> OutputSink {
        let log = self.clone();
        Arc::new(move |output| log.output(&output))
    }

    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// Nothing more comes: the writer ends when it has stored all.
    pub fn close(&self) {
        let mut state = self.state();
        state.end_streams(self.0.clock.now());
        state.lines = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn end_streams(&mut self, now: contract::Time) {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let mut lines = Vec::new();
            match stream {
                Stream::Stderr => self.stderr.finish(|line| lines.push(line)),
                _ => self.stdout.finish(|line| lines.push(line)),
            }
            for line in lines {
                self.keep(now, stream, line);
            }
        }
    }

    fn keep(&mut self, at: contract::Time, stream: Stream, text: String) {
        let Some(lines) = &self.lines else { return };
        // The platform's own words are few and say how it ended: they are kept beyond the limit.
        if stream != Stream::System {
            if self.full {
                return;
            }
            self.kept_lines += 1;
            self.kept_bytes += text.len() as u64;
            if self.kept_lines > MOST_LINES || self.kept_bytes > MOST_BYTES {
                self.full = true;
                let note = format!("The log has {MOST_LINES} lines or 32 MB; further output is not kept.");
                let _ = lines.send(Line { at, step: self.step, stream: Stream::System, text: note });
                return;
            }
        }
        let _ = lines.send(Line { at, step: self.step, stream, text });
    }
}

impl Writer {
    /// Runs until the log is closed. After an error nothing more is stored, and nobody waits for it.
    pub async fn write(mut self, run: &JobRun) -> Result<(), JobError> {
        let mut next = self.next_number(run).await?;
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = self.lines.recv().await {
            batch.push(first);
            let until = Instant::now() + BATCH_WAIT;
            while batch.len() < BATCH {
                match timeout_at(until, self.lines.recv()).await {
                    Ok(Some(line)) => batch.push(line),
                    Ok(None) | Err(_) => break,
                }
            }
            self.store(run, next, &batch).await?;
            next += i64::try_from(batch.len()).unwrap_or(0);
            batch.clear();
            run.platform.live.poke(self.deployment);
        }
        Ok(())
    }

    async fn next_number(&self, run: &JobRun) -> Result<i64, JobError> {
        let last = deployment_log_line::Entity::find_everywhere()
            .filter(deployment_log_line::Column::DeploymentId.eq(self.deployment))
            .order_by_desc(deployment_log_line::Column::Seq)
            .one(run.platform.database.write())
            .await?;
        Ok(last.map_or(1, |line| line.seq + 1))
    }

    async fn store(&self, run: &JobRun, first: i64, batch: &[Line]) -> Result<(), JobError> {
        for attempt in 1.. {
            match self.try_store(run, first, batch).await {
                Err(JobError::Retry(error)) if attempt < TRIES => {
                    tracing::warn!(deployment = %self.deployment, error, "log lines are stored again");
                    let _ = tokio::time::timeout(BATCH_WAIT * attempt, run.lost.cancelled()).await;
                }
                outcome => return outcome,
            }
        }
        Ok(())
    }

    async fn try_store(&self, run: &JobRun, first: i64, batch: &[Line]) -> Result<(), JobError> {
        let rows = batch.iter().zip(first..).map(|(line, seq)| deployment_log_line::ActiveModel {
            deployment_id: Set(self.deployment),
            seq: Set(seq),
            organization_id: Set(self.organization),
            at: Set(line.at),
            step: Set(line.step.as_str().to_owned()),
            stream: Set(line.stream.as_str().to_owned()),
            text: Set(line.text.clone()),
        });
        let tx = run.tx().await?;
        deployment_log_line::Entity::insert_many(rows).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(())
    }
}
