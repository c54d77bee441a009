//! What a running container prints, line by line, with secrets masked as in a deployment's log.

use crate::ctx::Ctx;
use crate::deployments::{Secrets, lines::Lines, snapshot};
use crate::error::{Error, Result};
use crate::platform::Platform;
use crate::servers;
use crate::servers::engine::{Engine, EngineResult, LogRequest, Output};
use contract::deployments::{ContainerLine, Stream as Source};
use contract::ids::ApplicationId;
use entity::{Scope, Tenant, application, deployment, server};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

const MOST_LINES: usize = 5000;
const TAIL_LIMIT: Duration = Duration::from_secs(10);

/// The last lines of the container that serves.
pub async fn tail(ctx: &Ctx, id: ApplicationId, lines: usize) -> Result<Vec<ContainerLine>> {
    let stream = read(&ctx.platform, ctx.scope()?, id, lines, false).await?;
    tokio::time::timeout(TAIL_LIMIT, stream.collect())
        .await
        .map_err(|_| Error::Unavailable("The server takes too long to give the container's log.".into()))
}

/// The last lines, then every new one, until the container ends or the caller turns away.
pub async fn follow(
    platform: Arc<Platform>,
    scope: Scope,
    id: ApplicationId,
    tail: usize,
) -> Result<impl Stream<Item = ContainerLine> + Send + use<>> {
    read(&platform, scope, id, tail, true).await
}

async fn read(
    platform: &Platform,
    scope: Scope,
    id: ApplicationId,
    tail: usize,
    follow: bool,
) -> Result<impl Stream<Item = ContainerLine> + Send + use<>> {
    let (engine, container, secrets) = find(platform, scope, id).await?;
    let request = LogRequest { tail: Some(tail.min(MOST_LINES)), follow, ..Default::default() };
    let output = engine.logs(&container, request).await.map_err(|error| Error::Unavailable(error.to_string()))?;
    let reader = Reader { output, lines: Splitter::new(secrets), waiting: VecDeque::new(), ended: false };
    Ok(futures::stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }))
}

/// The container that serves, and what it must not show.
async fn find(platform: &Platform, scope: Scope, id: ApplicationId) -> Result<(Arc<dyn Engine>, String, Secrets)> {
    let db = platform.database.read();
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let nothing = || Error::conflict("Nothing of this application runs yet. Deploy it first.");
    let current = row.current_deployment_id.ok_or_else(nothing)?;
    let deployment = deployment::Entity::find_in(scope)
        .filter(deployment::Column::Id.eq(current))
        .one(db)
        .await?
        .ok_or_else(nothing)?;
    let server = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(row.server_id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let engine = servers::reach(platform, &server).await?;
    let config = snapshot::open(&platform.keyring, deployment.id, &deployment.snapshot)?;
    let secrets = config.secrets();
    let container = deployment.container.ok_or_else(nothing)?;
    Ok((engine, container, Secrets::new(secrets.iter().map(String::as_str))))
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
    stdout: Lines,
    stderr: Lines,
}

impl Splitter {
    pub fn new(secrets: Secrets) -> Self {
        Self { stdout: Lines::new(secrets.clone()), stderr: Lines::new(secrets) }
    }

    pub fn push(&mut self, output: &Output, mut emit: impl FnMut(ContainerLine)) {
        let source = output.stream;
        let lines = match source {
            Source::Stderr => &mut self.stderr,
            Source::Stdout | Source::System => &mut self.stdout,
        };
        lines.push(&output.bytes, |line| emit(timed(source, &line)));
    }

    pub fn finish(&mut self, mut emit: impl FnMut(ContainerLine)) {
        self.stdout.finish(|line| emit(timed(Source::Stdout, &line)));
        self.stderr.finish(|line| emit(timed(Source::Stderr, &line)));
    }
}

/// Takes the engine's timestamp off a line, if there is one.
fn timed(stream: Source, line: &str) -> ContainerLine {
    let (stamp, rest) = line.split_once(' ').unwrap_or((line, ""));
    match stamp.parse::<contract::Time>() {
        Ok(at) => ContainerLine { at: Some(at), stream, text: rest.to_owned() },
        Err(_) => ContainerLine { at: None, stream, text: line.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_come_off_and_secrets_are_masked() {
        let mut lines = Splitter::new(Secrets::new(["t0psecret"]));
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
