//! What the Engine's refusals mean in the port's words.

use bollard::errors::Error;
use services::servers::engine::EngineError;
use services::servers::way::WayError;
use std::time::Duration;

/// How long the Engine may take to answer a request that does no work of its own.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// `subject` is what the request was about, in words for "{subject} does not exist".
pub fn failure(error: Error, subject: &str) -> EngineError {
    match error {
        Error::DockerResponseServerError { status_code: 404, message } => {
            // A container can't be made of an image that is gone: the Engine names the image then.
            match message.strip_prefix("No such image: ") {
                Some(image) => EngineError::NotFound(format!("the image {image}")),
                None => EngineError::NotFound(subject.to_owned()),
            }
        }
        Error::DockerResponseServerError { status_code: 409, message } => EngineError::Conflict(message),
        Error::DockerResponseServerError { message, .. } if is_taken(&message) => EngineError::Conflict(message),
        Error::DockerResponseServerError { message, .. } => EngineError::Failed(message),
        Error::DockerStreamError { error } => EngineError::Failed(error.trim().to_owned()),
        Error::RequestTimeoutError => EngineError::TimedOut(ANSWER_LIMIT),
        Error::SocketNotFoundError(path) => EngineError::Unreachable(format!("there is no socket at {path}")),
        Error::HyperLegacyError { err } => match way(&err) {
            Some(error) => EngineError::Way(error),
            None => EngineError::Unreachable(chain(&err)),
        },
        Error::HyperResponseError { err } => EngineError::Unreachable(chain(&err)),
        Error::IOError { err } => EngineError::Unreachable(chain(&err)),
        other => EngineError::Failed(chain(&other)),
    }
}

/// What kept the link to another machine from being made.
fn way(error: &dyn std::error::Error) -> Option<WayError> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(way) = inner.downcast_ref::<WayError>() {
            return Some(way.clone());
        }
        cause = inner.source();
    }
    None
}

/// A port, name or network that somebody else holds comes as an internal error.
fn is_taken(message: &str) -> bool {
    message.contains("port is already allocated")
        || message.contains("address already in use")
        || message.contains("has active endpoints")
        || message.contains("Pool overlaps")
}

/// An error with its causes, which the outermost one often leaves out.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        cause = inner.source();
    }
    text
}

/// Absence is the wanted state.
pub fn absent_is_fine(result: Result<(), EngineError>) -> Result<(), EngineError> {
    match result {
        Err(EngineError::NotFound(_)) => Ok(()),
        other => other,
    }
}
