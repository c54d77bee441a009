//! Durable jobs: claimed once, fenced, brought to an end whatever happens.

mod claims;
mod ends;
mod probe;
mod reconcilers;
mod stops;
