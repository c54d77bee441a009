//! The only failure that crosses the wire: an RFC 9457 problem document.

use macros::wire;
use std::fmt;

/// `application/problem+json`.
#[wire]
pub struct Error {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened here and what to do about it.
    pub detail: String,
    /// Stable and upper-case: programs branch on it.
    pub code: Code,
    /// What is wrong with each field, where fields are at fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The request this answers; name it when asking for help.
    #[serde(default)]
    pub request_id: String,
    /// Seconds to wait before the next try, with status 429 and 503.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
}

/// One field's fault.
#[wire(Eq)]
pub struct FieldError {
    /// The field's path: `source.url`.
    pub field: String,
    pub message: String,
}

/// Stable error codes.
#[wire(Eq, Copy)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    Malformed,
    NotSignedIn,
    SignInFailed,
    PaymentRequired,
    Forbidden,
    KeyScopeMissing,
    NotFound,
    Conflict,
    IdempotencyKeyInFlight,
    IdempotencyKeyReused,
    Invalid,
    TooManyRequests,
    Unavailable,
    Unreachable,
    Internal,
}

impl Code {
    /// The status that goes with the code.
    pub fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::NotSignedIn | Self::SignInFailed => 401,
            Self::PaymentRequired => 402,
            Self::Forbidden | Self::KeyScopeMissing => 403,
            Self::NotFound => 404,
            Self::Conflict | Self::IdempotencyKeyInFlight => 409,
            Self::IdempotencyKeyReused | Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::Unavailable | Self::Unreachable => 503,
            Self::Internal => 500,
        }
    }

    /// The kind of problem in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request could not be read",
            Self::NotSignedIn => "Not signed in",
            Self::SignInFailed => "Sign-in failed",
            Self::PaymentRequired => "Payment required",
            Self::Forbidden => "Not allowed",
            Self::KeyScopeMissing => "The API key's scopes do not cover this",
            Self::NotFound => "Not found",
            Self::Conflict => "In conflict with the present state",
            Self::IdempotencyKeyInFlight => "The first request with this key is still running",
            Self::IdempotencyKeyReused => "The key was used for another request",
            Self::Invalid => "Some fields are not valid",
            Self::TooManyRequests => "Too many requests",
            Self::Unavailable => "Not available right now",
            Self::Unreachable => "No connection",
            Self::Internal => "Something went wrong on our side",
        }
    }

    /// The code as programs see it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "MALFORMED",
            Self::NotSignedIn => "NOT_SIGNED_IN",
            Self::SignInFailed => "SIGN_IN_FAILED",
            Self::PaymentRequired => "PAYMENT_REQUIRED",
            Self::Forbidden => "FORBIDDEN",
            Self::KeyScopeMissing => "KEY_SCOPE_MISSING",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::IdempotencyKeyInFlight => "IDEMPOTENCY_KEY_IN_FLIGHT",
            Self::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Self::Invalid => "INVALID",
            Self::TooManyRequests => "TOO_MANY_REQUESTS",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unreachable => "UNREACHABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

impl Error {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/api/problems/{}", code.as_str().to_lowercase().replace('_', "-")),
            title: code.title().into(),
            status: code.status(),
            detail: detail.into(),
            code,
            errors: Vec::new(),
            request_id: String::new(),
            retry_after_seconds: None,
        }
    }

    /// A refusal that names its fields.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let detail = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join(" ");
        Self { errors, ..Self::new(Code::Invalid, detail) }
    }

    /// What is wrong with this field, or with something in it, if it is at fault.
    pub fn field(&self, name: &str) -> Option<&str> {
        let is_in = |field: &str| field.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
        let exact = self.errors.iter().find(|e| e.field == name);
        exact.or_else(|| self.errors.iter().find(|e| is_in(&e.field))).map(|e| e.message.as_str())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}
