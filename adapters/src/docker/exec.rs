//! Commands in a running container. The Engine answers a started command with a connection, says separately when it
//! has ended, and lets it run on when the connection is cut; `reap` ends it then.

use super::failure::failure;
use super::reap;
use async_trait::async_trait;
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{ResizeExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ExecConfig;
use contract::deployments::Stream;
use futures::StreamExt;
use futures::stream::BoxStream;
use services::servers::engine::{EngineError, EngineResult, Output, OutputSink};
use services::servers::exec::{ExecEnd, ExecRequest, MARK, Terminal, TerminalControl, TerminalSize};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// How often the Engine is asked whether a command has ended: while it may still write, and once it no longer can.
const ASKED_EVERY: Duration = Duration::from_secs(2);
const ASKED_AT_THE_END: Duration = Duration::from_millis(50);
/// What a command wrote just before it ended arrives within this.
const LAST_WORDS: Duration = Duration::from_millis(500);
const GRACE: Duration = Duration::from_secs(2);
/// The terminal of a command is there a moment after the command was started.
const SIZED_WITHIN: Duration = Duration::from_secs(2);

type Chunks = Pin<Box<dyn futures::Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;

pub async fn exec(
    docker: &Docker,
    reaper: &Path,
    request: ExecRequest,
    limit: Duration,
    output: OutputSink,
    cancel: &CancellationToken,
) -> EngineResult<i64> {
    let mut unended = Unended::new(docker, reaper, &request);
    let ran = tokio::select! {
        biased;
        () = cancel.cancelled() => Err(EngineError::Cancelled),
        ran = tokio::time::timeout(limit, run(docker, request, &output)) => {
            ran.unwrap_or(Err(EngineError::TimedOut(limit)))
        }
    };
    match ran {
        Ok(_) | Err(EngineError::NotFound(_) | EngineError::Conflict(_)) => unended.forget(),
        Err(_) => unended.end().await?,
    }
    ran
}

async fn run(docker: &Docker, request: ExecRequest, output: &OutputSink) -> EngineResult<i64> {
    let container = request.container.clone();
    let (id, mut chunks, _input) = start(docker, request, false).await?;
    let listening = async {
        while let Some(chunk) = chunks.next().await {
            output(said(chunk.map_err(|e| failure(e, &container))?));
        }
        Ok::<(), EngineError>(())
    };
    tokio::pin!(listening);
    // What it leaves behind may hold its output open: then only the Engine knows that it has ended.
    let code = tokio::select! {
        heard = &mut listening => {
            heard?;
            return ended(docker, &id, ASKED_AT_THE_END).await;
        }
        code = ended(docker, &id, ASKED_EVERY) => code?,
    };
    if let Ok(heard) = tokio::time::timeout(LAST_WORDS, listening).await {
        heard?;
    }
    Ok(code)
}

async fn ended(docker: &Docker, id: &str, asked_every: Duration) -> EngineResult<i64> {
    let mut ticks = tokio::time::interval(asked_every);
    loop {
        ticks.tick().await;
        if let Some(code) = exit_code(docker, id).await? {
            return Ok(code);
        }
    }
}

/// None before it has started, and while it runs.
async fn exit_code(docker: &Docker, id: &str) -> EngineResult<Option<i64>> {
    let found = docker.inspect_exec(id).await.map_err(|e| failure(e, "the command, or its container,"))?;
    Ok(found.exit_code.filter(|_| found.running == Some(false)))
}

async fn start(docker: &Docker, request: ExecRequest, terminal: bool) -> EngineResult<(String, Chunks, Input)> {
    let mark = (MARK.to_owned(), request.mark.to_string());
    let environment = request.environment.into_iter().chain([mark]);
    let config = ExecConfig {
        attach_stdin: Some(terminal),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        tty: Some(terminal),
        env: Some(environment.map(|(key, value)| format!("{key}={value}")).collect()),
        cmd: Some(request.command),
        user: request.user,
        working_dir: request.folder,
        ..Default::default()
    };
    let subject = format!("the container {}", request.container);
    let id = docker.create_exec(&request.container, config).await.map_err(|e| failure(e, &subject))?.id;
    // Without a terminal as far as the connection is concerned: its chunks come framed then, whatever bytes they hold.
    let started = docker.start_exec(&id, Some(StartExecOptions { detach: false, tty: false, output_capacity: None }));
    match started.await.map_err(|e| failure(e, &subject))? {
        StartExecResults::Attached { output, input } => Ok((id, output, input)),
        StartExecResults::Detached => {
            Err(EngineError::Failed("the Engine gave no connection to the command".to_owned()))
        }
    }
}

fn said(chunk: LogOutput) -> Output {
    let stream = match &chunk {
        LogOutput::StdErr { .. } => Stream::Stderr,
        _ => Stream::Stdout,
    };
    Output { stream, bytes: chunk.into_bytes().to_vec() }
}

/// A command that may be running. Dropped without a word, it is ended in the background.
struct Unended {
    docker: Docker,
    reaper: PathBuf,
    end: Option<ExecEnd>,
    began: Instant,
}

impl Unended {
    fn new(docker: &Docker, reaper: &Path, request: &ExecRequest) -> Self {
        let end =
            ExecEnd { container: request.container.clone(), mark: request.mark, age: Duration::ZERO, grace: GRACE };
        Self { docker: docker.clone(), reaper: reaper.to_owned(), end: Some(end), began: Instant::now() }
    }

    fn forget(&mut self) {
        self.end = None;
    }

    async fn end(&mut self) -> EngineResult<()> {
        let Some(end) = self.end.take() else { return Ok(()) };
        reap::end(&self.docker, &self.reaper, ExecEnd { age: self.began.elapsed(), ..end }).await
    }
}

impl Drop for Unended {
    fn drop(&mut self) {
        let (Some(end), Ok(runtime)) = (self.end.take(), Handle::try_current()) else { return };
        let (docker, reaper, age) = (self.docker.clone(), self.reaper.clone(), self.began.elapsed());
        runtime.spawn(async move {
            if let Err(error) = reap::end(&docker, &reaper, ExecEnd { age, ..end }).await {
                tracing::warn!(%error, "a command that nobody waits for could not be ended");
            }
        });
    }
}

pub async fn terminal(docker: &Docker, request: ExecRequest, size: TerminalSize) -> EngineResult<Terminal> {
    let container = request.container.clone();
    let (id, chunks, input) = start(docker, request, true).await?;
    let output: BoxStream<'static, _> =
        chunks.map(move |chunk| chunk.map(LogOutput::into_bytes).map_err(|e| failure(e, &container))).boxed();
    let control = Control { docker: docker.clone(), id };
    let sized = tokio::time::timeout(SIZED_WITHIN, async {
        let mut ticks = tokio::time::interval(ASKED_AT_THE_END);
        while control.resize(size).await.is_err() {
            ticks.tick().await;
        }
    });
    if sized.await.is_err() {
        tracing::debug!("a terminal kept the size that it was made with");
    }
    Ok(Terminal { input: Box::new(input), output, control: Box::new(control) })
}

struct Control {
    docker: Docker,
    id: String,
}

#[async_trait]
impl TerminalControl for Control {
    async fn resize(&self, size: TerminalSize) -> EngineResult<()> {
        let options = ResizeExecOptions { height: size.rows, width: size.columns };
        self.docker.resize_exec(&self.id, options).await.map_err(|e| failure(e, "the terminal"))
    }

    async fn exit_code(&self) -> EngineResult<Option<i64>> {
        exit_code(&self.docker, &self.id).await
    }
}
