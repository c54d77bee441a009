//! The whole content of a static site's image, besides the site: serves one folder over HTTP until it
//! is told to stop. It is linked statically, so the image needs no base; it reads no configuration but
//! the port and the site's own file, writes no log, and finishes the requests that it has begun before
//! it ends.

mod limits;
mod options;
mod site;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

const FOLDER: &str = "/site";
const PORT: u16 = 8080;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let outcome = match arguments.split_first() {
        Some((word, rest)) if word == "limit-builds" => limits::set(rest).map_err(Into::into),
        _ => serve(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("canopy-static-server: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Serves the folder named by the first argument, or `/site`, on `$PORT`, as the file named by the second says.
fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(FOLDER), PathBuf::from);
    let port = match std::env::var("PORT") {
        Ok(text) => text.parse().map_err(|_| format!("PORT is not a port number: {text}"))?,
        Err(_) => PORT,
    };
    let options = match std::env::args_os().nth(2) {
        Some(file) => options::read(&PathBuf::from(file))?,
        None => options::Options::default(),
    };
    let site = site::router(&folder, options).map_err(|error| format!("{}: {error}", folder.display()))?;

    tokio::runtime::Builder::new_multi_thread().enable_io().build()?.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
        // An answer's head and body leave as they come: held back, a proxy's late acknowledgement costs 40 ms.
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let told_to_stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        axum::serve(listener, site).with_graceful_shutdown(told_to_stop).await?;
        Ok(())
    })
}
