//! The rules that browser and server share, against hostile and ordinary input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dotenv;
mod permissions;
mod secrets;
mod validation;
