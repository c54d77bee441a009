//! `canopy serve` and `canopy work`: from start to a shutdown that loses nothing.

use super::admin::explain;
use crate::compose::{Composed, Stay, compose};
use crate::config::Config;
use crate::http::{App, Site, router};
use crate::{demo, telemetry};
use axum::serve::ListenerExt;
use leptos::prelude::LeptosOptions;
use services::Platform;
use services::jobs::{Runner, RunnerSettings, release_leases_of_dead_owners};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long open requests may take to end.
const DRAIN: Duration = Duration::from_secs(10);

pub async fn serve(mut config: Config, demo: Option<PathBuf>) -> Result<(), String> {
    let metrics = telemetry::start_metrics()?;
    let site = Arc::new(Site::open(&config.site)?);
    let repositories = demo::open(&config.data, demo.as_deref()).await?;
    config.demo_repositories = repositories.as_ref().map(|repositories| repositories.address);
    let listener = tokio::net::TcpListener::bind(config.listen).await.map_err(|error| {
        format!("{} cannot be listened on: {error}. Set CANOPY_LISTEN to another address.", config.listen)
    })?;
    config.listens_on(listener.local_addr().map_err(|error| error.to_string())?);
    let composed = compose(&config, Stay::Works).await?;
    let platform = composed.platform.clone();
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let runner = start_runner(&composed, &config, stop.clone()).await?;
    let set_up = services::accounts::is_set_up(&platform).await.map_err(explain)?;
    let app = App {
        platform: platform.clone(),
        config: Arc::new(config.clone()),
        site,
        metrics,
        leptos: LeptosOptions::builder().output_name("canopy").build(),
        set_up: Arc::new(AtomicBool::new(set_up)),
        stopping: stop.clone(),
    };
    let stopping = stop.clone();
    // Lines of a stream and the end of an answer leave at once.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    let serving = axum::serve(listener, router(app).into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async move { stopping.cancelled().await });
    let mut serving = tokio::spawn(async move { serving.await });
    println!("Canopy listens on {}", config.public_url);
    if let Some(repositories) = repositories {
        demo::start(&platform, repositories, demo.is_some(), &stop);
    }
    if !set_up && !demo::exists(&config.data) {
        let token = services::accounts::create_setup_token(&platform).await.map_err(explain)?;
        println!("Set it up: {}/setup?token={token}", config.public_url);
    }
    let outcome = tokio::select! {
        ended = &mut serving => ended.map_err(|error| error.to_string())?.map_err(|error| format!("serving ended: {error}")),
        () = stop.cancelled() => {
            tracing::info!("draining requests and handing jobs back");
            if tokio::time::timeout(DRAIN, &mut serving).await.is_err() {
                serving.abort();
            }
            Ok(())
        }
    };
    stop.cancel();
    finish(runner, platform).await;
    outcome
}

pub async fn work(mut config: Config) -> Result<(), String> {
    config.demo_repositories = demo::served_at(&config.data.join("demo"));
    let composed = compose(&config, Stay::Works).await?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone())?;
    let runner = start_runner(&composed, &config, stop.clone()).await?;
    println!("Canopy works on the jobs of instance {}", composed.platform.settings.instance_id);
    stop.cancelled().await;
    finish(runner, composed.platform.clone()).await;
    Ok(())
}

async fn start_runner(composed: &Composed, config: &Config, stop: CancellationToken) -> Result<JoinHandle<()>, String> {
    let platform = composed.platform.clone();
    if composed.alone {
        let released = release_leases_of_dead_owners(&platform).await.map_err(explain)?;
        if released > 0 {
            tracing::warn!(released, "{released} jobs of a process that died are taken up");
        }
    }
    let settings = RunnerSettings { slots: config.job_slots, ..Default::default() };
    tokio::spawn(services::applications::events::listen(platform.clone(), stop.clone()));
    Ok(tokio::spawn(Runner::new(platform, settings).run(stop)))
}

async fn finish(runner: JoinHandle<()>, platform: Arc<Platform>) {
    if let Err(error) = runner.await {
        tracing::error!("the job runner ended badly: {error}");
    }
    platform.database.clone().close().await;
}

/// Listened for from this call on, not from when the task first runs: a stop asked for right after the first line is
/// printed must not be a kill.
fn stop_on_signal(stop: CancellationToken) -> Result<(), String> {
    let signals = (|| Ok::<_, std::io::Error>((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)))();
    let (mut interrupt, mut terminate) = signals.map_err(|error| format!("signals cannot be received: {error}"))?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = stop.cancelled() => {}
        }
        stop.cancel();
    });
    Ok(())
}
