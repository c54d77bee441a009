//! What the running containers print, line by line, with secrets masked as in a deployment's log: live, a part of it by
//! time and search, or all that is kept as a text.

use super::log_merge::merged;
use super::log_times;
use super::serving::Serving;
use crate::ctx::Ctx;
use crate::deployments::{Secrets, lines::Lines};
use crate::error::{Error, Faults, Result};
use crate::platform::Platform;
use crate::servers::engine::{EngineResult, LogRequest, Output};
use contract::Time;
use contract::applications::{ApplicationLogs, ContainerLog};
use contract::deployments::{ContainerLine, Stream as Source};
use contract::ids::ApplicationId;
use entity::Scope;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const MOST_LINES: usize = 5000;
const USUAL_LINES: u32 = 500;
/// While one replica says nothing, the lines of the others wait so long, so that lines of one moment come in order.
const PATIENCE: Duration = Duration::from_millis(150);
const READ_LIMIT: Duration = Duration::from_secs(20);

/// Which lines are wanted.
#[derive(Debug, Clone, Default)]
pub struct Range {
    since: Option<Time>,
    until: Option<Time>,
    /// In lower case.
    search: Option<String>,
}

impl Range {
    pub fn of(now: Time, since: Option<&str>, until: Option<&str>, search: Option<&str>) -> Result<Self> {
        let mut faults = Faults::default();
        let mut time = |field: &str, text: Option<&str>| {
            let text = text.filter(|text| !text.trim().is_empty())?;
            faults.check(field, log_times::parse(text, now))
        };
        let (since, until) = (time("since", since), time("until", until));
        faults.into_result()?;
        let search = crate::page::term(search)?.map(str::to_lowercase);
        Ok(Self { since, until, search })
    }

    fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.search.is_none()
    }

    fn holds(&self, line: &ContainerLine) -> bool {
        let within = line
            .at
            .is_none_or(|at| self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until));
        within && self.search.as_ref().is_none_or(|search| line.text.to_lowercase().contains(search))
    }

    fn request(&self, tail: Option<usize>, follow: bool) -> LogRequest {
        LogRequest { tail, follow, since: self.since, until: self.until }
    }
}

/// The newest lines of the range, or with a cursor those before.
pub async fn read(ctx: &Ctx, input: ApplicationLogs) -> Result<ContainerLog> {
    let limit = input.limit.unwrap_or(USUAL_LINES);
    if limit == 0 || limit as usize > MOST_LINES {
        return Err(Error::field("limit", format!("Use 1 to {MOST_LINES}.")));
    }
    let limit = limit as usize;
    let mut range = Range::of(ctx.now(), input.since.as_deref(), input.until.as_deref(), input.search.as_deref())?;
    if let Some(cursor) = input.cursor.as_deref().filter(|cursor| !cursor.is_empty()) {
        let before =
            cursor.parse::<Time>().map_err(|_| Error::field("cursor", "Use the next_cursor of the page before."))?;
        range.until = Some(range.until.map_or(before, |until| until.min(before)));
    }
    let serving = match Serving::find(&ctx.platform, ctx.scope()?, input.id).await {
        // Nothing was written yet.
        Err(Error::Conflict(_)) => return Ok(ContainerLog { items: Vec::new(), next_cursor: None }),
        found => found?,
    };
    // The engine takes the last lines first, and then those of the range: only without one does that leave enough.
    let tail = range.is_all().then_some(limit + 1);
    let lines = open(serving, input.replica, &range, tail, false).await?;
    let newest = newest(lines.filter(|line| std::future::ready(range.holds(line))), limit);
    tokio::time::timeout(READ_LIMIT, newest)
        .await
        .map_err(|_| Error::Unavailable("The server takes too long to give the container's log.".into()))
}

async fn newest(lines: impl Stream<Item = ContainerLine>, limit: usize) -> ContainerLog {
    let mut kept: VecDeque<ContainerLine> = VecDeque::new();
    futures::pin_mut!(lines);
    while let Some(line) = lines.next().await {
        kept.push_back(line);
        // Twice as many, so that lines of one instant are not torn apart.
        if kept.len() > 2 * limit {
            kept.pop_front();
        }
    }
    let mut first = kept.len().saturating_sub(limit);
    while first > 0 && kept[first].at.is_some() && kept[first - 1].at == kept[first].at {
        first -= 1;
    }
    let items: Vec<ContainerLine> = kept.drain(first..).collect();
    let oldest = items.iter().find_map(|line| line.at).filter(|_| first > 0);
    ContainerLog { items, next_cursor: oldest.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true)) }
}

/// The last lines, then every new one, until the containers end or the caller turns away.
pub async fn follow(
    platform: Arc<Platform>,
    scope: Scope,
    id: ApplicationId,
    replica: Option<u32>,
    tail: usize,
) -> Result<impl Stream<Item = ContainerLine> + Send + use<>> {
    let serving = Serving::find(&platform, scope, id).await?;
    open(serving, replica, &Range::default(), Some(tail.min(MOST_LINES)), true).await
}

/// All of the range that is kept, and the application's name.
pub async fn whole(
    platform: &Platform,
    scope: Scope,
    id: ApplicationId,
    range: Range,
    replica: Option<u32>,
) -> Result<(String, impl Stream<Item = ContainerLine> + Send + use<>)> {
    let serving = Serving::find(platform, scope, id).await?;
    let name = serving.application.name.clone();
    let lines = open(serving, replica, &range, None, false).await?;
    Ok((name, lines.filter(move |line| std::future::ready(range.holds(line)))))
}

/// Of the chosen replica, or of all that are there.
async fn open(
    serving: Serving,
    replica: Option<u32>,
    range: &Range,
    tail: Option<usize>,
    follow: bool,
) -> Result<impl Stream<Item = ContainerLine> + Send + use<>> {
    let asked = serving.replicas(replica)?.into_iter().map(|(number, container)| {
        let (serving, request) = (&serving, range.request(tail, follow));
        async move { (number, serving.engine.logs(container, request).await) }
    });
    let (mut streams, mut refused) = (Vec::new(), None);
    for (number, answer) in futures::future::join_all(asked).await {
        match answer {
            Ok(output) => streams.push(lines_of(output, number, serving.secrets.clone())),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if streams.is_empty() => Err(error.into()),
        _ => Ok(merged(streams, follow.then_some(PATIENCE))),
    }
}

fn lines_of(
    output: BoxStream<'static, EngineResult<Output>>,
    replica: Option<u32>,
    secrets: Secrets,
) -> BoxStream<'static, ContainerLine> {
    let lines = Splitter::new(replica, secrets);
    let reader = Reader { output, lines, waiting: VecDeque::new(), ended: false };
    futures::stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }).boxed()
}

struct Reader {
    output: BoxStream<'static, EngineResult<Output>>,
    lines: Splitter,
    waiting: VecDeque<ContainerLine>,
    ended: bool,
}

impl Reader {
    async fn next(&mut self) -> Option<ContainerLine> {
        loop {
            if let Some(line) = self.waiting.pop_front() {
                return Some(line);
            }
            if self.ended {
                return None;
            }
            let waiting = &mut self.waiting;
            match self.output.next().await {
                Some(Ok(chunk)) => self.lines.push(&chunk, |line| waiting.push_back(line)),
                end => {
                    if let Some(Err(error)) = end {
                        tracing::info!(%error, "a container's log was cut off");
                    }
                    self.ended = true;
                    self.lines.finish(|line| waiting.push_back(line));
                }
            }
        }
    }
}

/// From the engine's output, with a timestamp in front of each line, to masked lines.
pub(crate) struct Splitter {
    replica: Option<u32>,
    stdout: Lines,
    stderr: Lines,
}

impl Splitter {
    /// `replica`: which of several.
    pub fn new(replica: Option<u32>, secrets: Secrets) -> Self {
        Self { replica, stdout: Lines::new(secrets.clone()), stderr: Lines::new(secrets) }
    }

    pub fn push(&mut self, output: &Output, mut emit: impl FnMut(ContainerLine)) {
        let (source, replica) = (output.stream, self.replica);
        let lines = match source {
            Source::Stderr => &mut self.stderr,
            Source::Stdout | Source::System => &mut self.stdout,
        };
        lines.push(&output.bytes, |line| emit(timed(source, replica, &line)));
    }

    pub fn finish(&mut self, mut emit: impl FnMut(ContainerLine)) {
        let replica = self.replica;
        self.stdout.finish(|line| emit(timed(Source::Stdout, replica, &line)));
        self.stderr.finish(|line| emit(timed(Source::Stderr, replica, &line)));
    }
}

/// Takes the engine's timestamp off a line, if there is one.
fn timed(stream: Source, replica: Option<u32>, line: &str) -> ContainerLine {
    let (stamp, rest) = line.split_once(' ').unwrap_or((line, ""));
    match stamp.parse::<contract::Time>() {
        Ok(at) => ContainerLine { at: Some(at), replica, stream, text: rest.to_owned() },
        Err(_) => ContainerLine { at: None, replica, stream, text: line.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_go_backwards_and_no_line_is_lost_or_doubled() {
        let at = |second: i64| Time::from_timestamp(second, 0);
        // Three lines of one instant, in the middle.
        let seconds = [1, 2, 3, 3, 3, 4, 5];
        let lines: Vec<_> = seconds
            .iter()
            .enumerate()
            .map(|(index, second)| ContainerLine {
                at: at(*second),
                replica: None,
                stream: Source::Stdout,
                text: index.to_string(),
            })
            .collect();
        let (mut seen, mut until) = (Vec::new(), None);
        loop {
            let range = Range { until, ..Range::default() };
            let page =
                newest(futures::stream::iter(lines.clone()).filter(|line| std::future::ready(range.holds(line))), 3)
                    .await;
            seen.splice(0..0, page.items.iter().map(|line| line.text.clone()));
            match page.next_cursor {
                Some(cursor) => until = Some(cursor.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(seen, ["0", "1", "2", "3", "4", "5", "6"]);
    }

    #[test]
    fn a_range_holds_what_it_says() {
        let now: Time = "2026-11-22T12:00:00Z".parse().unwrap();
        let range = Range::of(now, Some("1h"), Some("2026-11-22T11:30:00Z"), Some(" ERROR ")).unwrap();
        let line = |at: &str, text: &str| ContainerLine {
            at: at.parse().ok(),
            replica: None,
            stream: Source::Stderr,
            text: text.into(),
        };
        assert!(range.holds(&line("2026-11-22T11:00:00Z", "an error")));
        assert!(!range.holds(&line("2026-11-22T10:59:59Z", "an error")));
        assert!(!range.holds(&line("2026-11-22T11:30:00Z", "an error")));
        assert!(!range.holds(&line("2026-11-22T11:10:00Z", "fine")));
        assert!(Range::of(now, Some("soon"), None, None).is_err());
    }

    #[test]
    fn timestamps_come_off_and_secrets_are_masked() {
        let mut lines = Splitter::new(None, Secrets::new(["t0psecret"]));
        let mut out = Vec::new();
        let chunk = |stream, text: &str| Output { stream, bytes: text.as_bytes().to_vec() };
        lines.push(&chunk(Source::Stdout, "2026-01-02T03:04:05.678901234Z key is t0p"), |line| out.push(line));
        lines.push(&chunk(Source::Stderr, "2026-01-02T03:04:06Z oh\n"), |line| out.push(line));
        lines.push(&chunk(Source::Stdout, "secret\n2026-01-02T03:04:07Z \nplain"), |line| out.push(line));
        lines.finish(|line| out.push(line));
        let texts: Vec<_> = out.iter().map(|line| (line.stream, line.at.is_some(), line.text.as_str())).collect();
        assert_eq!(
            texts,
            [
                (Source::Stderr, true, "oh"),
                (Source::Stdout, true, "key is ••••••"),
                (Source::Stdout, true, ""),
                (Source::Stdout, false, "plain"),
            ]
        );
    }
}
