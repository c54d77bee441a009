//! The Engine's build cache. Its records do not say who made them, so it is the cache of all that build there.

use super::failure::failure;
use super::{Source, wire};
use bollard::Docker;
use bollard::query_parameters::PruneBuildOptionsBuilder;
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use services::servers::engine::{EngineError, EngineResult};
use std::time::Duration;
use tokio_util::task::AbortOnDropHandle;

/// The Engine looks at each record; a large cache takes its time to remove.
const LIMIT: Duration = Duration::from_secs(300);
/// No answer is longer.
const LONGEST: usize = 64 * 1024 * 1024;

/// As the Engine says what its disk is used for, in either of its two ways; the client library knows the later one only.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Usage {
    #[serde(default)]
    build_cache: Option<Vec<Record>>,
    #[serde(default)]
    build_cache_usage: Option<Total>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(default)]
    in_use: bool,
    /// With an image: it stays as long as that does.
    #[serde(default)]
    shared: bool,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Total {
    #[serde(default)]
    reclaimable: u64,
}

/// Bytes that emptying it would free.
pub async fn size(docker: &Docker, engine: &Source) -> EngineResult<u64> {
    let version = docker.client_version();
    // An Engine that knows no types describes all it has.
    let path = format!("/v{}.{}/system/df?type=build-cache", version.major_version, version.minor_version);
    let asked = tokio::time::timeout(LIMIT, get(engine, &path)).await;
    let text = asked.unwrap_or(Err(EngineError::TimedOut(LIMIT)))?;
    let usage: Usage = serde_json::from_slice(&text).map_err(|error| EngineError::Failed(error.to_string()))?;
    Ok(reclaimable(&usage))
}

fn reclaimable(usage: &Usage) -> u64 {
    match (&usage.build_cache_usage, &usage.build_cache) {
        (Some(total), _) => total.reclaimable,
        (None, Some(records)) => {
            records.iter().filter(|record| !record.in_use && !record.shared).map(|record| record.size).sum()
        }
        (None, None) => 0,
    }
}

async fn get(engine: &Source, path: &str) -> EngineResult<Bytes> {
    let lost = |error: hyper::Error| EngineError::Unreachable(error.to_string());
    let wire = wire::connect(engine).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(wire)).await.map_err(lost)?;
    let _connection = AbortOnDropHandle::new(tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to an Engine ended");
        }
    }));
    let failed = |error: &dyn std::fmt::Display| EngineError::Failed(format!("the size of the build cache: {error}"));
    let request = Request::get(path).header(header::HOST, "docker").body(Empty::<Bytes>::new());
    let answer = sender.send_request(request.map_err(|error| failed(&error))?).await.map_err(lost)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(|error| failed(&error))?.to_bytes();
    match status {
        StatusCode::OK => Ok(body),
        _ => Err(failed(&String::from_utf8_lossy(&body))),
    }
}

/// Of what no build uses at this moment; answers how many bytes went.
pub async fn empty(docker: &Docker) -> EngineResult<u64> {
    let docker = docker.clone().with_timeout(LIMIT);
    let options = PruneBuildOptionsBuilder::default().all(true).build();
    let pruned = docker.prune_build(Some(options)).await.map_err(|e| failure(e, "the build cache"))?;
    Ok(pruned.space_reclaimed.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_saying_it_are_read() {
        let of = |text: &str| reclaimable(&serde_json::from_str(text).unwrap());
        let records = r#"{"Layers": [], "BuildCache": [{"ID": "a", "InUse": false, "Shared": false, "Size": 5},
            {"InUse": true, "Size": 7}, {"Shared": true, "Size": 9}, {"Size": 3}]}"#;
        assert_eq!(of(records), 8);
        assert_eq!(of(r#"{"BuildCacheUsage": {"TotalSize": 9, "Reclaimable": 4}}"#), 4);
        assert_eq!([of(r#"{"BuildCache": null}"#), of("{}")], [0, 0]);
    }
}
