//! Logs and metrics. A line carries the request it belongs to; secrets never reach one.

use crate::config::Config;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error; standard output belongs to what a command prints.
pub fn start_logging(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| format!("CANOPY_LOG: {error}"))?;
    // Below this level the Engine's client logs what it sends, and with it the values of secret variables.
    let quiet = "bollard=info".parse().map_err(|error| format!("CANOPY_LOG: {error}"))?;
    let filter = filter.add_directive(quiet);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = if config.log_json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_target(false).try_init()
    };
    started.map_err(|error| format!("logging did not start: {error}"))
}

/// Starts counting; the handle renders what was counted.
pub fn start_metrics() -> Result<PrometheusHandle, String> {
    PrometheusBuilder::new()
        .set_buckets(&[
            0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
        ])
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|error| format!("metrics did not start: {error}"))
}
