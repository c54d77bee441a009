//! One program: `serve`, `work`, `migrate`, `admin`, `audit`, `import`, `openapi`. The only place that knows every crate: it reads
//! the settings, chooses the adapters, and makes a caller of each request.
#![recursion_limit = "256"]

mod clock;
mod commands;
mod compose;
mod config;
mod data;
mod demo;
mod http;
mod telemetry;

use clap::Parser;
use std::process::ExitCode;

// glibc's arenas let a long-running process grow; this one gives memory back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Git runs this program where it would run ssh.
    if let Some(config) = std::env::var_os(adapters::git::SSH_CONFIG) {
        let error = adapters::git::exec_ssh(&config, std::env::args_os().skip(1));
        eprintln!("ssh: the program ssh cannot run on the platform's machine: {error}");
        return ExitCode::from(255);
    }
    let command = commands::Canopy::parse();
    // Before anything opens a TLS connection: one provider for the whole program. Err only says that it is set already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("canopy: the runtime did not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(command.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("canopy: {message}");
            ExitCode::FAILURE
        }
    }
}
