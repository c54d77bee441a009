//! One GET as a caller from outside would send it: no redirects, no proxies, no TLS, nothing of the body.

use crate::ssh::Link;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use services::servers::engine::Probe;
use services::servers::way::WayError;
use services::values::UrlPath;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;

/// From this machine.
pub async fn probe(address: SocketAddr, path: &UrlPath, host: &str, limit: Duration) -> Probe {
    let asked = async {
        let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
        status(stream, path, host).await
    };
    seen(tokio::time::timeout(limit, asked).await, limit)
}

/// From the machine at the other end of a link.
pub async fn probe_through(
    link: &Link,
    address: SocketAddr,
    path: &UrlPath,
    host: &str,
    limit: Duration,
) -> Result<Probe, WayError> {
    let asked = async {
        Ok(match link.port(address).await? {
            Ok(pipe) => status(pipe, path, host).await,
            Err(why) => Err(why),
        })
    };
    match tokio::time::timeout(limit, asked).await {
        Ok(Err(error)) => Err(error),
        Ok(Ok(answer)) => Ok(seen(Ok(answer), limit)),
        Err(late) => Ok(seen(Err(late), limit)),
    }
}

fn seen(answer: Result<Result<u16, String>, Elapsed>, limit: Duration) -> Probe {
    match answer {
        Ok(Ok(status)) => Probe::Answered(status),
        Ok(Err(reason)) => Probe::NoAnswer(reason),
        Err(_) => Probe::NoAnswer(format!("no answer within {} ms", limit.as_millis())),
    }
}

async fn status<S>(stream: S, path: &UrlPath, host: &str) -> Result<u16, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let request = Request::get(path.as_str())
        .header(header::HOST, host)
        .header(header::USER_AGENT, "canopy-health-check")
        .header(header::CONNECTION, "close")
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    // Once the head of the answer is in, the connection is dropped, and the body with it. A connection that ends
    // without an answer makes the request fail, so its own end says nothing more.
    let driven = async {
        let _end = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        answer = sender.send_request(request) => {
            answer.map(|answer| answer.status().as_u16()).map_err(|error| format!("it does not speak HTTP: {error}"))
        }
        () = driven => Err("it closed the connection".to_owned()),
    }
}
