//! Following a deployment: its lines after a number, its state whenever it changes, and the end. Only the database is
//! read, in pages, so a follower costs the same however long the log is, and misses nothing whenever it connects; those
//! who follow the same one read it together.

use super::tail::{Found, Tail};
use super::view::status;
use crate::error::Result;
use crate::platform::Platform;
use contract::deployments::{Deployment, LogLine};
use contract::ids::DeploymentId;
use entity::Scope;
use futures::Stream;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// A wake may be missed, or happen in another process.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq)]
pub enum FollowEvent {
    Line(LogLine),
    /// It changed.
    Deployment(Box<Deployment>),
    /// It has its final state, and every line was given.
    End,
}

struct Follower {
    platform: Arc<Platform>,
    scope: Scope,
    id: DeploymentId,
    after: i64,
    tail: Arc<Tail>,
    seen: Option<Arc<Deployment>>,
    waiting: VecDeque<FollowEvent>,
    more: bool,
    ended: bool,
}

/// The events from after line number `after` on. Ends after `End`, when there is no such deployment in the scope, or
/// when the database fails: the caller connects again with the last number it saw.
pub fn follow(
    platform: Arc<Platform>,
    scope: Scope,
    id: DeploymentId,
    after: i64,
) -> impl Stream<Item = FollowEvent> + Send + 'static {
    let tail = platform.tails.of(id);
    let follower =
        Follower { platform, scope, id, after, tail, seen: None, waiting: VecDeque::new(), more: false, ended: false };
    futures::stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((event, follower))
    })
}

impl Follower {
    async fn next(&mut self) -> Option<FollowEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.ended {
                return None;
            }
            let watched = self.platform.live.watch(self.id);
            let woken = watched.notified();
            tokio::pin!(woken);
            // From here on a wake counts, so none falls between looking and waiting.
            woken.as_mut().enable();
            if let Err(error) = self.look().await {
                tracing::warn!(deployment = %self.id, %error, "a follower was cut off");
                return None;
            }
            if self.waiting.is_empty() && !self.more && !self.ended {
                let _ = tokio::time::timeout(LOOK_AGAIN, woken).await;
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        let Found { row, shown, lines, more } =
            self.tail.after(&self.platform, self.scope, self.id, self.after).await?;
        if let Some(last) = lines.last() {
            self.after = last.seq;
        }
        self.more = more;
        let changed = self.seen.as_ref() != Some(&shown);
        let ended = !more && status(&row).is_final();
        self.waiting.extend(lines.into_iter().map(FollowEvent::Line));
        if changed {
            self.waiting.push_back(FollowEvent::Deployment(Box::new(Deployment::clone(&shown))));
            self.seen = Some(shown);
        }
        if ended {
            self.waiting.push_back(FollowEvent::End);
            self.ended = true;
        }
        Ok(())
    }
}
