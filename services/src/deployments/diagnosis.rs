//! From what a program said to what the reader can do: pure tables of likely causes, each with its fix. They read
//! errors and output only; what they don't know, they pass on in its own words.

use super::repository::RepositoryError;
use crate::servers::engine::{ContainerState, EngineError, Probe};
use contract::deployments::{Failure, Step};
use contract::ids::ServerId;
use std::time::Duration;

/// What happened, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub reason: String,
    pub hint: String,
    /// Where it is changed, relative to the application's page.
    pub place: Option<&'static str>,
    /// The server that it is about, where that is not the application's own.
    pub server: Option<ServerId>,
}

/// A full disk is cleaned up on its server's page.
pub const CLEAN_UP: &str = "cleanups";

impl Finding {
    pub fn new(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { reason: reason.into(), hint: hint.into(), place: None, server: None }
    }

    pub fn at(self, place: &'static str) -> Self {
        Self { place: Some(place), ..self }
    }

    pub fn on(self, server: ServerId) -> Self {
        Self { server: Some(server), ..self }
    }

    /// `own`: the application's server.
    pub fn at_step(self, step: Step, own: Option<ServerId>) -> Failure {
        let place = self.place.and_then(|place| match place {
            CLEAN_UP => self.server.or(own).map(|server| format!("servers/{server}/{CLEAN_UP}")),
            place => Some(place.to_owned()),
        });
        Failure { step, reason: self.reason, hint: self.hint, place }
    }
}

pub fn fetch(error: &RepositoryError, branch: &str) -> Finding {
    match error {
        RepositoryError::Refused(why) => refused(why),
        RepositoryError::Unreachable(why) => Finding::new(
            format!("The repository cannot be reached: {why}"),
            "Check the address in the settings, and that its host answers; then deploy again.",
        ),
        RepositoryError::NotAllowed => Finding::new(
            "The repository asks for credentials, or it does not exist.",
            "Check the address for typing errors. For a private repository choose a credential in the settings.",
        )
        .at("settings#source.url"),
        RepositoryError::NotAccepted => Finding::new(
            "The repository does not accept the credential, or it does not exist.",
            "Check the address; that the token is still valid and may read this repository; or that the deploy key's \
             public half was added to it.",
        )
        .at("settings#source.credential_id"),
        RepositoryError::HostKeyChanged(host) => Finding::new(
            format!("{host} shows another SSH key than it did at first. Somebody else may be answering."),
            "Ask the host's operator whether its key was changed. If it was, forget the old one on the page of the \
             credentials, then deploy again.",
        ),
        RepositoryError::NoSuchRef(_) => Finding::new(
            format!("There is no branch or tag {branch} in the repository."),
            "Choose a branch that exists in the application's settings, or push this one.",
        )
        .at("settings#source.branch"),
        RepositoryError::NoSuchCommit(commit) => Finding::new(
            format!("There is no commit {commit} in the repository."),
            "It may have been removed by a forced push. Choose another commit, or leave it empty for the newest.",
        )
        .at("settings#source.commit"),
        RepositoryError::TooLarge(bytes) => Finding::new(
            format!("The repository is larger than {} MB.", bytes / 1_000_000),
            "Keep large files out of the repository: fetch them in the build, or store them elsewhere.",
        ),
        RepositoryError::TimedOut(limit) => Finding::new(
            format!("Fetching took longer than {}.", duration(*limit)),
            "Try again; if it stays, make the repository smaller or move it closer.",
        ),
        RepositoryError::Cancelled => Finding::new("Cancelled.", "Deploy again."),
        RepositoryError::Failed(why) if disk_full(why) => full_disk_here(),
        RepositoryError::Failed(why) => {
            Finding::new(format!("Fetching failed: {why}"), "Read the log above; then deploy again.")
        }
    }
}

fn refused(why: &str) -> Finding {
    Finding::new(why, "Use a public address, or have the operator list the network in CANOPY_PRIVATE_NETWORKS.")
}

/// `output` is the end of what the build printed.
pub fn build(error: &EngineError, dockerfile: &str, output: &str) -> Finding {
    let text = match error {
        EngineError::Unreachable(_) | EngineError::Way(_) => return engine(error),
        EngineError::Refused(why) => return refused(why),
        EngineError::TimedOut(limit) => {
            return Finding::new(
                format!("The build took longer than {}.", duration(*limit)),
                "Make it shorter: order the Dockerfile so that dependencies are cached, and leave out what is not needed; \
                 or allow it more time in the settings.",
            );
        }
        EngineError::OverLimit(what) => {
            return Finding::new(
                format!("The build was refused: {what}."),
                "Leave out what the image does not need: a .dockerignore, a smaller base image, a last stage of its own.",
            );
        }
        EngineError::DiskLow { .. } => {
            return Finding::new(
                format!("The build was ended: {error}."),
                "Free some space on the server: clean up what nothing needs there. Or make the build write less.",
            )
            .at(CLEAN_UP);
        }
        other => other.to_string(),
    };
    let lower = text.to_lowercase();
    let said = output.to_lowercase();
    let either = |part: &str| lower.contains(part) || said.contains(part);
    if disk_full(&lower) || disk_full(&said) {
        return full_disk();
    }
    if lower.contains("cannot locate specified dockerfile")
        || lower.contains("failed to read dockerfile")
        || (lower.contains("dockerfile") && (lower.contains("no such file") || lower.contains("not found")))
    {
        return Finding::new(
            format!("There is no {dockerfile} in the repository."),
            "Add it, correct its path in the settings (upper and lower case count), or choose the static build.",
        )
        .at("settings#build.path");
    }
    if lower.contains("failed to reach build target")
        || (lower.contains("target stage") && lower.contains("could not be found"))
    {
        return Finding::new(
            format!("{dockerfile} has no such build stage."),
            "Name a stage of the Dockerfile (`FROM ... AS name`) in the settings, or leave it empty for the last.",
        )
        .at("settings#build.target");
    }
    if let Some(code) = exit_code(&lower) {
        if code == 137 || either("out of memory") || either("signal: 9") || either("heap out of memory") {
            return Finding::new(
                "A build command ran out of memory.",
                "Make the build use less (fewer parallel jobs), or build the image elsewhere and deploy it as an image.",
            );
        }
        if code == 127 {
            return Finding::new(
                format!("A build command was not found (exit code {code})."),
                "The log above names it: install it in the Dockerfile, or use a base image that has it.",
            );
        }
        return Finding::new(
            format!("A build command failed with exit code {code}."),
            "The last lines of the log above say why. The same command should fail on your machine too.",
        );
    }
    if either("pull access denied")
        || either("no basic auth credentials")
        || either("insufficient_scope")
        || either("manifest unknown")
        || either("no such image")
        || either("not found: manifest")
        || (lower.contains("failed to load metadata") || lower.contains("resolve image")) && lower.contains("not found")
    {
        return Finding::new(
            "The Dockerfile starts from an image that cannot be found, or whose registry does not allow its use.",
            "Check the name after FROM for typing errors; for a private image add its registry's login on the page Credentials.",
        );
    }
    if registry_unreachable(&lower) || registry_unreachable(&said) {
        return Finding::new(
            "The registry of the Dockerfile's base image does not answer.",
            "Check the server's network, or use a base image that is on the server already.",
        );
    }
    if lower.contains("unknown instruction") && said.contains("cannot be fetched") && said.contains("here-documents") {
        return Finding::new(
            format!("The Dockerfile cannot be read: {text}"),
            "A newer syntax, such as a here-document, needs Docker 23 on the server, or a registry from which docker/dockerfile can be fetched.",
        );
    }
    if lower.contains("copy failed") || lower.contains("add failed") || lower.contains("failed to compute cache key") {
        return Finding::new(
            format!("The Dockerfile copies a file that is not in the repository: {text}"),
            "Check the path after COPY or ADD, and that .dockerignore does not leave the file out.",
        );
    }
    if lower.contains("dockerfile parse error") || lower.contains("unknown instruction") {
        return Finding::new(format!("The Dockerfile cannot be read: {text}"), "Correct the line that it names.");
    }
    Finding::new(format!("The build failed: {text}"), "Read the last lines of the log above; then deploy again.")
}

/// `known` says whether its registry was asked with a login.
pub fn image(error: &EngineError, reference: &str, known: bool) -> Finding {
    let text = error.to_string();
    let lower = text.to_lowercase();
    match error {
        EngineError::Unreachable(_) | EngineError::Way(_) => return engine(error),
        EngineError::Refused(why) => return refused(why),
        _ => {}
    }
    if disk_full(&lower) {
        return full_disk();
    }
    if registry_unreachable(&lower) {
        return Finding::new(
            format!("The registry of the image {reference} does not answer."),
            "Check the server's network, or load the image there (`docker load`); one that came without a login is used when it is present.",
        );
    }
    if matches!(error, EngineError::NotFound(_))
        || ["pull access denied", "manifest unknown", "not found", "denied", "unauthorized"]
            .iter()
            .any(|part| lower.contains(part))
    {
        return Finding::new(
            format!("The image {reference} was not found, or its registry does not allow its use."),
            if known {
                "Check name and tag for typing errors, and that the registry's login on the page Credentials may read it."
            } else {
                "Check name and tag for typing errors. For a private image add its registry's login on the page Credentials."
            },
        )
        .at("settings#source.reference");
    }
    Finding::new(format!("The image {reference} could not be fetched: {text}"), "Try again in a moment.")
}

/// The new container ended or keeps restarting.
pub fn exit(state: ContainerState, restarts: u64) -> Finding {
    match state {
        ContainerState::Exited { out_of_memory: true, .. } => Finding::new(
            "The container was stopped because it used more memory than it may.",
            "Raise the application's memory in its settings, or make it use less.",
        )
        .at("settings#memory_mb"),
        ContainerState::Exited { code: 137, .. } => Finding::new(
            "The container was killed (exit code 137), most likely because it ran out of memory.",
            "Raise the application's memory in its settings, or make it use less.",
        )
        .at("settings#memory_mb"),
        ContainerState::Exited { code: code @ (126 | 127), .. } => Finding::new(
            format!("The container's command could not be run (exit code {code})."),
            "Check CMD and ENTRYPOINT in the Dockerfile: the file must exist in the image, be executable and match its platform.",
        ),
        ContainerState::Exited { code: 0, .. } => Finding::new(
            "The container ended at once, without an error (exit code 0).",
            "An application must keep running in the foreground; start its server, not a script that returns.",
        ),
        ContainerState::Exited { code, .. } => Finding::new(
            format!("The container ended with exit code {code}."),
            "Its last lines are in the log above. Often a variable or a file is missing.",
        ),
        ContainerState::Restarting | ContainerState::Running | ContainerState::Created => Finding::new(
            format!("The container keeps restarting ({restarts} times so far)."),
            "Its last lines are in the log above. Often a variable or a file is missing.",
        ),
    }
}

/// It runs, but its health check never passed.
pub fn health(last: &Probe, path: &str, port: u16, waited: Duration) -> Finding {
    let waited = duration(waited);
    match last {
        Probe::NoAnswer(why) => Finding::new(
            format!("Nothing answered on port {port} within {waited}: {why}"),
            format!(
                "The application must listen on 0.0.0.0 (not 127.0.0.1) and the port in PORT, which is {port}. \
                 Correct it there, or the port in the settings; allow more time if it starts slowly."
            ),
        )
        .at("settings#port"),
        Probe::Answered(404) => Finding::new(
            format!("The health check {path} answered 404 for {waited}."),
            "Correct the path of the health check in the settings: the application does not know this one.",
        )
        .at("settings#health_check.path"),
        Probe::Answered(status @ (401 | 403)) => Finding::new(
            format!("The health check {path} answered {status} for {waited}."),
            "Let the application answer this path without signing in, or check another path.",
        )
        .at("settings#health_check.path"),
        Probe::Answered(status) if *status >= 500 => Finding::new(
            format!("The health check {path} answered {status} for {waited}."),
            "The application itself reports an error: its lines in the log above say why.",
        ),
        Probe::Answered(status) => Finding::new(
            format!("The health check {path} answered {status} for {waited}."),
            "2xx and 3xx count as healthy. Correct the path in the settings or the application's answer.",
        )
        .at("settings#health_check.path"),
    }
}

pub fn start(error: &EngineError) -> Finding {
    let text = error.to_string();
    let lower = text.to_lowercase();
    if disk_full(&lower) {
        return full_disk();
    }
    if lower.contains("executable file not found") || lower.contains("no such file or directory") {
        return Finding::new(
            format!("The container's command was not found: {text}"),
            "Check CMD and ENTRYPOINT in the Dockerfile: the file must exist in the image and be executable.",
        );
    }
    if lower.contains("no command specified") {
        return Finding::new("The image says no command to run.", "Add CMD or ENTRYPOINT to the Dockerfile.");
    }
    engine(error)
}

/// Anything else that the engine or the proxy refused.
pub fn engine(error: &EngineError) -> Finding {
    match error {
        EngineError::Unreachable(_) => {
            Finding::new(error.to_string(), "Check that Docker runs on the server, and validate the server again.")
        }
        EngineError::Way(_) => Finding::new(
            format!("The server cannot be reached: {error}."),
            "Validate the server: its checks say what to do. Then deploy again.",
        ),
        other if disk_full(&other.to_string().to_lowercase()) => full_disk(),
        other => Finding::new(
            format!("The server refused: {other}"),
            "Validate the server; its checks say what is wrong. Then deploy again.",
        ),
    }
}

pub fn duration(time: Duration) -> String {
    match time.as_secs() {
        0..120 => format!("{} s", time.as_secs().max(1)),
        seconds => format!("{} min", seconds / 60),
    }
}

fn full_disk() -> Finding {
    Finding::new("The server's disk is full.", "Free some space there: clean up what nothing needs; then deploy again.")
        .at(CLEAN_UP)
}

/// Sources are fetched to where the platform itself runs.
pub fn full_disk_here() -> Finding {
    Finding::new(
        "The disk of the platform's own machine is full.",
        "Have the operator free some space there; then deploy again.",
    )
}

pub(super) fn disk_full(text: &str) -> bool {
    let text = text.to_lowercase();
    // The last one is git's.
    ["no space left on device", "disk quota exceeded", "out of diskspace"].iter().any(|words| text.contains(words))
}

fn registry_unreachable(text: &str) -> bool {
    [
        "no such host",
        "connection refused",
        "i/o timeout",
        "network is unreachable",
        "tls handshake timeout",
        "request canceled while waiting for connection",
        "temporary failure in name resolution",
        "server misbehaving",
        "proxyconnect",
    ]
    .iter()
    .any(|part| text.contains(part))
}

/// `... returned a non-zero code: 2`, `did not complete successfully: exit code: 2`.
fn exit_code(text: &str) -> Option<i64> {
    let rest = ["returned a non-zero code: ", "exit code: "].iter().find_map(|mark| Some(text.split_once(mark)?.1))?;
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(finding: &Finding, reason: &str, hint: &str) {
        assert!(finding.reason.contains(reason), "{finding:?} should say {reason:?}");
        assert!(finding.hint.contains(hint), "{finding:?} should advise {hint:?}");
    }

    fn built(error: &str, output: &str) -> Finding {
        build(&EngineError::Failed(error.into()), "Dockerfile", output)
    }

    #[test]
    fn a_failed_build_names_its_cause() {
        check(&built("The command '/bin/sh -c make' returned a non-zero code: 2", ""), "exit code 2", "log above");
        check(&built("The command '/bin/sh -c x' returned a non-zero code: 127", ""), "not found", "install");
        check(&built("The command '/bin/sh -c x' returned a non-zero code: 137", ""), "out of memory", "less");
        check(
            &built("The command 'npm run build' returned a non-zero code: 134", "FATAL: JavaScript heap out of memory"),
            "out of memory",
            "less",
        );
        check(&built("Cannot locate specified Dockerfile: Dockerfile", ""), "no Dockerfile", "path");
        check(&built("failed to reach build target release in Dockerfile", ""), "build stage", "AS");
        check(&built("COPY failed: file not found in build context: stat app.js", ""), "copies a file", "COPY");
        check(&built("pull access denied for nope, repository does not exist", ""), "image", "FROM");
        check(
            &built("Get \"https://registry-1.docker.io/v2/\": dial tcp: lookup registry-1.docker.io: no such host", ""),
            "registry",
            "network",
        );
        check(&built("write /x: no space left on device", ""), "disk is full", "space");
        check(&built("executor failed running [/bin/sh -c make]: exit code: 2", ""), "exit code 2", "log above");
        check(&built("target stage release could not be found", ""), "build stage", "AS");
        check(&built("failed to compute cache key: \"/app.js\" not found: not found", ""), "copies a file", "COPY");
        let (cannot, old) =
            ("dockerfile parse error line 5: unknown instruction: HI", "cannot be fetched: here-documents");
        check(&built(cannot, ""), "cannot be read", "line");
        check(&built(cannot, old), "cannot be read", "Docker 23");
        let low = EngineError::DiskLow { free: 1_000_000, reserve: 2_000_000_000 };
        check(&build(&low, "Dockerfile", ""), "only 1 MB", "Free");
        let large = EngineError::OverLimit("the image has 9 MB, and 1 MB are allowed".into());
        check(&build(&large, "Dockerfile", ""), "9 MB", ".dockerignore");
        check(&built("something odd", ""), "something odd", "log above");
        let late = EngineError::TimedOut(Duration::from_secs(1800));
        check(&build(&late, "Dockerfile", ""), "longer than 30 min", "shorter");
    }

    #[test]
    fn a_fetch_that_failed_names_its_cause() {
        check(&fetch(&RepositoryError::NoSuchRef("x".into()), "trunk"), "trunk", "branch");
        check(&fetch(&RepositoryError::NotAllowed, "main"), "credentials", "address");
        check(&fetch(&RepositoryError::TooLarge(500_000_000), "main"), "500 MB", "large files");
    }

    #[test]
    fn an_exit_names_its_cause() {
        let exited = |code, out_of_memory| exit(ContainerState::Exited { code, out_of_memory }, 0);
        check(&exited(1, false), "exit code 1", "log above");
        check(&exited(0, false), "exit code 0", "foreground");
        check(&exited(137, true), "memory", "Raise");
        check(&exited(127, false), "127", "CMD");
        check(&exit(ContainerState::Restarting, 3), "3 times", "log above");
    }

    #[test]
    fn an_unhealthy_answer_names_its_cause() {
        let seen = |probe: Probe| health(&probe, "/healthz", 8080, Duration::from_secs(30));
        check(&seen(Probe::NoAnswer("connection refused".into())), "port 8080", "0.0.0.0");
        check(&seen(Probe::Answered(404)), "404", "path");
        check(&seen(Probe::Answered(503)), "503", "log above");
        check(&seen(Probe::Answered(401)), "401", "signing in");
    }

    #[test]
    fn an_image_that_is_missing_is_said_so() {
        check(&image(&EngineError::Failed("manifest unknown".into()), "a:b", true), "not found", "typing");
        check(&image(&EngineError::Failed("dial tcp: i/o timeout".into()), "a:b", false), "registry", "load");
    }
}
