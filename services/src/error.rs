//! What can go wrong, by what the caller can do about it. Internal text is logged once and never leaves.

use crate::servers::engine::EngineError;
use contract::{Code, FieldError};
use sea_orm::{DbErr, SqlErr};
use std::time::Duration;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Absent, or somebody else's: the two look the same.
    #[error("not found")]
    NotFound,
    #[error("invalid: {0:?}")]
    Invalid(Vec<FieldError>),
    #[error("{0}")]
    Malformed(String),
    #[error("{0}")]
    Conflict(String),
    /// The field's value is somebody's already.
    #[error("{}: {}", .0.field, .0.message)]
    Taken(FieldError),
    #[error("{0}")]
    Forbidden(String),
    #[error("the key's scopes do not cover {0}")]
    KeyScope(&'static str),
    #[error("not signed in")]
    NotSignedIn,
    #[error("sign-in failed")]
    SignInFailed,
    #[error("too many requests")]
    TooManyRequests { retry_after: Duration },
    #[error("the idempotency key's first request is still running")]
    IdempotencyInFlight,
    #[error("the idempotency key was used for another request")]
    IdempotencyReused,
    /// Another system does not answer; the text is for the caller.
    #[error("{0}")]
    Unavailable(String),
    #[error("internal: {0}")]
    Internal(String),
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// One field's refusal.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::Conflict(detail.into())
    }

    /// A fault of ours, with whatever explains it to us.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// The only form that crosses the wire. Internal causes are logged here, once, with the request they belong to.
    pub fn into_contract(self, request_id: &str) -> contract::Error {
        let mut retry_after_seconds = None;
        let mut error = match self {
            Self::Invalid(fields) => contract::Error::invalid(fields),
            Self::NotFound => contract::Error::new(
                Code::NotFound,
                "There is nothing here with that id, or it belongs to an organization that you cannot act in.",
            ),
            Self::Malformed(detail) => contract::Error::new(Code::Malformed, detail),
            Self::Conflict(detail) => contract::Error::new(Code::Conflict, detail),
            Self::Taken(fault) => {
                contract::Error { errors: vec![fault.clone()], ..contract::Error::new(Code::Conflict, fault.message) }
            }
            Self::Forbidden(detail) => contract::Error::new(Code::Forbidden, detail),
            Self::KeyScope(operation) => contract::Error::new(
                Code::KeyScopeMissing,
                format!("The key's scopes do not include {operation}. Make a key whose scopes cover it."),
            ),
            Self::NotSignedIn => {
                contract::Error::new(Code::NotSignedIn, "Sign in, or send a valid key as `Authorization: Bearer`.")
            }
            Self::SignInFailed => contract::Error::new(
                Code::SignInFailed,
                "The e-mail address and password do not match. Check both and try again.",
            ),
            Self::TooManyRequests { retry_after } => {
                let seconds = retry_after.as_secs().max(1);
                retry_after_seconds = Some(seconds);
                contract::Error::new(Code::TooManyRequests, format!("Wait {seconds} s, then try again."))
            }
            Self::IdempotencyInFlight => contract::Error::new(
                Code::IdempotencyKeyInFlight,
                "The first request with this Idempotency-Key has not ended. Try again in a moment.",
            ),
            Self::IdempotencyReused => contract::Error::new(
                Code::IdempotencyKeyReused,
                "This Idempotency-Key came with another body before. Use a new key for a new request.",
            ),
            Self::Unavailable(detail) => {
                retry_after_seconds = Some(5);
                contract::Error::new(Code::Unavailable, detail)
            }
            Self::Internal(cause) => {
                tracing::error!(request_id, cause, "a request failed on our side ({request_id})");
                contract::Error::new(
                    Code::Internal,
                    "The request failed on our side. Try again; if it stays, tell the operator the request id.",
                )
            }
        };
        error.retry_after_seconds = retry_after_seconds;
        error.request_id = request_id.to_owned();
        error
    }
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Self::Conflict("That exists already. Choose another name or reload the page.".into())
            }
            Some(SqlErr::ForeignKeyConstraintViolation(_)) => {
                Self::Conflict("Something else still uses it, or what it belongs to is gone. Reload the page.".into())
            }
            _ => Self::Internal(format!("database: {error}")),
        }
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!("json: {error}"))
    }
}

/// Says what a broken unique constraint means here.
pub trait OnConflict<T> {
    fn on_conflict(self, detail: &str) -> Result<T>;
    fn on_conflict_field(self, field: &str, message: &str) -> Result<T>;
}

impl<T> OnConflict<T> for std::result::Result<T, DbErr> {
    fn on_conflict(self, detail: &str) -> Result<T> {
        self.map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => Error::Conflict(detail.to_owned()),
            _ => error.into(),
        })
    }

    fn on_conflict_field(self, field: &str, message: &str) -> Result<T> {
        self.map_err(|error| match error.sql_err() {
            Some(SqlErr::UniqueConstraintViolation(_)) => {
                Error::Taken(FieldError { field: field.to_owned(), message: message.to_owned() })
            }
            _ => error.into(),
        })
    }
}

/// Gathers what is wrong with an input, so that the caller learns everything at once.
#[derive(Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    /// Notes the refusal of a check under the field's name.
    pub fn check<T>(&mut self, field: &str, outcome: std::result::Result<T, &'static str>) -> Option<T> {
        match outcome {
            Ok(value) => Some(value),
            Err(message) => {
                self.note(field, message);
                None
            }
        }
    }

    pub fn note(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    pub fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Invalid(self.0)) }
    }
}
