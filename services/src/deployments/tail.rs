//! The end of a deployment's log, shared by all who follow it in this process: however many they are, a batch of lines
//! is read from the database once. Who is further behind reads pages by itself.

use super::view::{describe, find, lines_after, status};
use crate::error::Result;
use crate::platform::Platform;
use contract::deployments::{Deployment, DeploymentStatus, LogLine};
use contract::ids::DeploymentId;
use entity::{Scope, deployment};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, PoisonError, Weak};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Lines that are kept at hand.
const KEPT: usize = 4000;
/// Lines that one look brings.
pub(super) const PAGE: u64 = 500;

/// The logs that somebody follows. What nobody follows any more is dropped as others come.
#[derive(Clone, Default)]
pub struct Tails(Arc<std::sync::Mutex<HashMap<DeploymentId, Weak<Tail>>>>);

impl Tails {
    pub(super) fn of(&self, id: DeploymentId) -> Arc<Tail> {
        let mut tails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = tails.get(&id).and_then(Weak::upgrade) {
            return tail;
        }
        tails.retain(|_, tail| tail.strong_count() > 0);
        let tail = Arc::new(Tail::default());
        tails.insert(id, Arc::downgrade(&tail));
        tail
    }
}

#[derive(Default)]
pub(super) struct Tail(Mutex<State>);

#[derive(Default)]
struct State {
    /// Without gaps.
    lines: VecDeque<LogLine>,
    /// The last look brought as many as a look brings: there may be more.
    full: bool,
    seen: Option<Seen>,
}

#[derive(Clone)]
struct Seen {
    /// When the look began that brought this.
    at: Instant,
    row: deployment::Model,
    shown: Arc<Deployment>,
}

/// What there is after a number.
pub(super) struct Found {
    pub row: deployment::Model,
    pub shown: Arc<Deployment>,
    pub lines: Vec<LogLine>,
    /// There may be more at once.
    pub more: bool,
}

impl Tail {
    /// As the database has it now, or had it at a moment after this was called.
    pub async fn after(&self, platform: &Platform, scope: Scope, id: DeploymentId, after: i64) -> Result<Found> {
        let asked = Instant::now();
        let mut state = self.0.lock().await;
        let fresh =
            state.seen.clone().filter(|seen| seen.at >= asked && seen.row.organization_id == scope.organization());
        let seen = match fresh {
            Some(seen) => seen,
            None => state.look(platform, scope, id, after).await?,
        };
        let known = state.lines.front().is_none_or(|first| first.seq <= after + 1);
        let (lines, more) = if known {
            let at = state.lines.partition_point(|line| line.seq <= after);
            let lines: Vec<LogLine> = state.lines.iter().skip(at).take(PAGE as usize).cloned().collect();
            let more = state.full || state.lines.len() - at > lines.len();
            (lines, more)
        } else {
            // Others need not wait for one who has to catch up.
            drop(state);
            let lines = lines_after(platform.database.read(), scope, id, after, PAGE).await?;
            let more = lines.len() as u64 == PAGE;
            (lines, more)
        };
        Ok(Found { row: seen.row, shown: seen.shown, lines, more })
    }
}

impl State {
    async fn look(&mut self, platform: &Platform, scope: Scope, id: DeploymentId, after: i64) -> Result<Seen> {
        let at = Instant::now();
        let db = platform.database.read();
        // The state before the lines: a final state is set after the last line, so all of them are there then.
        let row = find(db, scope, id).await?;
        // The first to come decides where the shared part begins.
        let from = self.lines.back().map_or(after, |last| last.seq);
        let lines = lines_after(db, scope, id, from, PAGE).await?;
        self.full = lines.len() as u64 == PAGE;
        self.lines.extend(lines);
        let excess = self.lines.len().saturating_sub(KEPT);
        self.lines.drain(..excess);
        // The line in which a queued one waits moves without it.
        let same = |seen: &&Seen| seen.row == row && status(&row) != DeploymentStatus::Queued;
        let shown = match self.seen.as_ref().filter(same) {
            Some(seen) => seen.shown.clone(),
            None => Arc::new(describe(db, scope, row.clone()).await?),
        };
        let seen = Seen { at, row, shown };
        self.seen = Some(seen.clone());
        Ok(seen)
    }
}
