//! The browser's half: event streams, their fallback, and appending once per frame.

use super::{LogWindow, is_moving, log_line};
use crate::api;
use crate::ui::{LogLine, LogRing};
use contract::applications::{Application, ApplicationLogs, ApplicationRef};
use contract::deployments::{ContainerLine, Deployment, DeploymentLogs, DeploymentRef};
use contract::ids::{ApplicationId, DeploymentId};
use futures::channel::oneshot;
use futures::future::{Either, abortable, select};
use futures::stream::{SelectAll, StreamExt, select_all};
use gloo_net::eventsource::State;
use gloo_net::eventsource::futures::{EventSource, EventSourceSubscription};
use leptos::prelude::*;
use leptos::web_sys::MessageEvent;
use serde::de::DeserializeOwned;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// Looks, one a second, after a command: stopping takes its grace.
const EAGER: u32 = 15;
const LINES_AT_ONCE: u32 = 1000;
/// Of the end of a container's log, this much is looked through for lines that a reconnected stream repeats.
const REPEATED: usize = 400;

/// Runs until it ends or until its owner is gone.
pub fn during(task: impl Future<Output = ()> + 'static) {
    let (task, handle) = abortable(task);
    leptos::task::spawn_local(async move {
        // Aborted is how it ends when the page is left.
        let _ = task.await;
    });
    on_cleanup(move || handle.abort());
}

async fn pause(length: Duration) {
    let (wake, woken) = oneshot::channel();
    set_timeout(
        move || {
            let _ = wake.send(());
        },
        length,
    );
    let _ = woken.await;
}

pub async fn application(first: Application, now: RwSignal<Option<Application>>, done: RwSignal<u32>) {
    let id = first.id;
    let mut known = first;
    let (mut commands, mut eager) = (0, 0u32);
    for tick in 1u32.. {
        pause(Duration::from_secs(if eager > 0 { 1 } else { 3 })).await;
        eager = eager.saturating_sub(1);
        let so_far = done.try_get_untracked().unwrap_or_default();
        if so_far != commands {
            (commands, eager) = (so_far, EAGER);
        }
        // Another command's answer may be newer than what was last seen here.
        match now.try_get_untracked() {
            None => return,
            Some(Some(newer)) if newer.id == id => known = newer,
            Some(_) => {}
        }
        if document().hidden() || (eager == 0 && !is_moving(&known) && !tick.is_multiple_of(5)) {
            continue;
        }
        if let Ok(found) = api::applications::get(ApplicationRef { id }).await
            && found != known
        {
            known = found.clone();
            let _ = now.try_set(Some(found));
        }
    }
}

pub async fn deployment(id: DeploymentId, lines: RwSignal<LogRing>, now: RwSignal<Option<Deployment>>) {
    if !stream_deployment(id, lines, now).await {
        poll_deployment(id, lines, now).await;
    }
}

/// False when the stream could not be had.
async fn stream_deployment(id: DeploymentId, lines: RwSignal<LogRing>, now: RwSignal<Option<Deployment>>) -> bool {
    let after = last_seq(lines);
    let url = format!("/api/v1/deployments.events?id={id}&after={after}");
    let Some((source, mut events)) = open(&url, &["line", "deployment", "end"]) else { return false };
    let batch = Batch::new(lines);
    while let Some((kind, message)) = next(&source, &mut events).await {
        let ended = match kind.as_str() {
            "line" => {
                batch.add(read(&message).map(log_line));
                false
            }
            "deployment" => read::<Deployment>(&message).is_some_and(|deployment| {
                let ended = deployment.status.is_final();
                let _ = now.try_set(Some(deployment));
                ended
            }),
            _ => true,
        };
        if ended {
            // Closed here, or the browser would connect again and again. Each kind of event waits in a queue of its
            // own, so the end can overtake the last of the others: what they said is looked up once more.
            source.close();
            poll_deployment(id, lines, now).await;
            return true;
        }
    }
    false
}

async fn poll_deployment(id: DeploymentId, lines: RwSignal<LogRing>, now: RwSignal<Option<Deployment>>) {
    loop {
        if !document().hidden() {
            // The state first: lines that come after a final one are still read below.
            let state = api::deployments::get(DeploymentRef { id }).await;
            let more = loop {
                let after = Some(last_seq(lines));
                match api::deployments::logs(DeploymentLogs { id, after, limit: Some(LINES_AT_ONCE) }).await {
                    Ok(page) => {
                        let more = page.next_cursor.is_some();
                        let _ = lines.try_update(|ring| ring.extend(page.items.into_iter().map(log_line)));
                        if !more {
                            break false;
                        }
                    }
                    Err(_) => break true,
                }
            };
            if let Ok(deployment) = state {
                let ended = deployment.status.is_final();
                let _ = now.try_set(Some(deployment));
                if ended && !more {
                    return;
                }
            }
        }
        pause(Duration::from_secs(2)).await;
    }
}

pub async fn container(id: ApplicationId, replica: Option<u32>, lines: RwSignal<LogRing>, lost: RwSignal<bool>) {
    let replica = replica.map(|number| format!("&replica={number}")).unwrap_or_default();
    let url = format!("/api/v1/applications.log_events?id={id}&tail=200{replica}");
    if let Some((source, mut events)) = open(&url, &["line"]) {
        let batch = Batch::new(lines);
        let mut seq = 0;
        let mut recent = std::collections::VecDeque::new();
        while let Some((_, message)) = next(&source, &mut events).await {
            let Some(line) = read::<ContainerLine>(&message) else { continue };
            let mark = (line.at, line.replica, line.text.clone());
            if line.at.is_some() && recent.contains(&mark) {
                continue;
            }
            recent.push_back(mark);
            if recent.len() > REPEATED {
                recent.pop_front();
            }
            seq += 1;
            batch.add(line.at.is_some().then(|| LogLine { seq, ..container_line(line) }));
        }
    }
    let _ = lost.try_set(true);
}

/// Only in the browser, also while the page comes alive: an effect does not run on the server.
pub fn read_container(input: ApplicationLogs, window: LogWindow) {
    leptos::task::spawn_local(async move {
        match api::applications::logs(input).await {
            Ok(found) => {
                let _ = window.lines.try_update(|ring| ring.prepend(found.items.into_iter().map(container_line)));
                let _ = window.earlier.try_set(found.next_cursor);
            }
            Err(failure) => {
                let _ = window.refused.try_set(Some(failure.0.detail));
            }
        }
        let _ = window.read.try_set(true);
    });
}

fn container_line(line: ContainerLine) -> LogLine {
    LogLine {
        seq: 0,
        at: line.at.unwrap_or_default(),
        step: line.replica.map(|number| format!("replica {number}")).unwrap_or_default(),
        stream: line.stream.as_str().to_owned(),
        text: line.text,
    }
}

fn open(url: &str, kinds: &[&str]) -> Option<(EventSource, SelectAll<EventSourceSubscription>)> {
    let mut source = EventSource::new(url).ok()?;
    let subscriptions: Vec<_> = kinds.iter().filter_map(|kind| source.subscribe(*kind).ok()).collect();
    Some((source, select_all(subscriptions)))
}

/// The next event; nothing once the stream ended, or when the browser has tried in vain to open it for a while: it would
/// go on trying for ever, without a word.
async fn next(source: &EventSource, events: &mut SelectAll<EventSourceSubscription>) -> Option<(String, MessageEvent)> {
    let mut waited = 0;
    loop {
        match select(events.next(), std::pin::pin!(pause(Duration::from_secs(4)))).await {
            Either::Left((event, _)) => return event?.ok(),
            Either::Right(_) if source.state() == State::Open => waited = 0,
            Either::Right(_) if waited == 1 => return None,
            Either::Right(_) => waited += 1,
        }
    }
}

fn read<T: DeserializeOwned>(message: &MessageEvent) -> Option<T> {
    serde_json::from_str(&message.data().as_string()?).ok()
}

fn last_seq(lines: RwSignal<LogRing>) -> i64 {
    lines.try_with_untracked(LogRing::last_seq).flatten().unwrap_or_default()
}

/// Lines wait here for the next frame: a build writes hundreds a second, and the page is drawn sixty times.
struct Batch {
    lines: RwSignal<LogRing>,
    waiting: Rc<RefCell<Vec<LogLine>>>,
}

impl Batch {
    fn new(lines: RwSignal<LogRing>) -> Self {
        Self { lines, waiting: Rc::default() }
    }

    fn add(&self, line: Option<LogLine>) {
        let Some(line) = line else { return };
        self.waiting.borrow_mut().push(line);
        if self.waiting.borrow().len() > 1 {
            return;
        }
        let (lines, waiting) = (self.lines, Rc::clone(&self.waiting));
        request_animation_frame(move || {
            let batch = waiting.take();
            let _ = lines.try_update(|ring| ring.extend(batch));
        });
    }
}
