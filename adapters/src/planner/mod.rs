//! The planner program, which looks at a source with Nixpacks: a process of its own with an empty environment, a copy of
//! the source without ways out, a time limit and a limit of what it may say. It limits its memory itself.

mod copy;

use async_trait::async_trait;
use services::deployments::nixpacks::{Plan, PlanError, Planner};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

const LIMIT: Duration = Duration::from_secs(20);
/// No plan is longer.
const LONGEST: u64 = 4 * 1024 * 1024;
const LONGEST_REASON: usize = 500;

pub struct NixpacksPlanner {
    program: PathBuf,
}

impl NixpacksPlanner {
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into() }
    }
}

#[async_trait]
impl Planner for NixpacksPlanner {
    async fn plan(
        &self,
        source: &Path,
        variables: &BTreeMap<String, String>,
        cancel: &CancellationToken,
    ) -> Result<Plan, PlanError> {
        let place = source.with_file_name("plan");
        let planned = async {
            let (from, to) = (source.to_owned(), place.clone());
            let copied = tokio::task::spawn_blocking(move || copy::copy(&from, &to)).await;
            copied.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
            run(&self.program, &place, variables).await
        };
        let outcome = tokio::select! {
            outcome = tokio::time::timeout(LIMIT, planned) => outcome.unwrap_or(Err(PlanError::TimedOut)),
            () = cancel.cancelled() => Err(PlanError::Cancelled),
        };
        if let Err(error) = tokio::fs::remove_dir_all(&place).await
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a planner's copy was not removed");
        }
        outcome
    }
}

fn failed(error: &dyn std::fmt::Display) -> PlanError {
    PlanError::Failed(error.to_string())
}

async fn run(program: &Path, source: &Path, variables: &BTreeMap<String, String>) -> Result<Plan, PlanError> {
    let mut child = Command::new(program)
        .arg(source)
        .current_dir(source)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // It ends with this call, however that ends.
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => PlanError::Missing,
            _ => failed(&error),
        })?;
    let input = serde_json::to_vec(variables).map_err(|error| failed(&error))?;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(PlanError::Failed("it has no streams".to_owned()));
    };
    let write = async move {
        // One that does not read is ended by the time limit or says why.
        let _unread = stdin.write_all(&input).await;
    };
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let (mut stdout, mut stderr) = (stdout.take(LONGEST + 1), stderr.take(LONGEST));
    let ((), read, heard) = tokio::join!(write, stdout.read_to_end(&mut said), stderr.read_to_end(&mut complained));
    read.and(heard).map_err(|error| failed(&error))?;
    if said.len() as u64 > LONGEST {
        return Err(PlanError::Refused("the plan is too long".to_owned()));
    }
    let ended = child.wait().await.map_err(|error| failed(&error))?;
    if !ended.success() {
        let reason = String::from_utf8_lossy(&complained).replace(&source.display().to_string(), "the source");
        let reason: String = reason.trim().chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect();
        return Err(PlanError::Refused(if reason.is_empty() { "it gave up".to_owned() } else { reason }));
    }
    serde_json::from_slice(&said).map_err(|error| failed(&error))
}
