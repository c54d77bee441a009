//! Requests over http(s) on behalf of tenants: to addresses that `outbound` allowed and no others, without proxies,
//! within a time and a size. A redirect is followed only where it is asked for, each address checked anew.

use crate::outbound::{Outbound, OutboundError};
use futures::StreamExt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use url::Url;

const CONNECT: Duration = Duration::from_secs(10);
const TIME: Duration = Duration::from_secs(60);
const REDIRECTS: u8 = 3;

#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// It leads where tenants may not reach.
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unreachable(String),
    #[error("the answer is too large")]
    TooLarge,
    #[error("{0}")]
    Failed(String),
}

/// Headers are sent to the origin of the address, and nowhere that it redirects to.
pub struct Sent<'a> {
    pub method: reqwest::Method,
    pub url: &'a str,
    pub headers: &'a [(String, String)],
    pub body: Option<Vec<u8>>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

#[derive(Clone)]
pub struct Web {
    outbound: Outbound,
}

impl Web {
    pub fn new(outbound: Outbound) -> Self {
        // For programs that have not chosen one; Err only says that this one has.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { outbound }
    }

    /// One request; a redirect is an answer like any other.
    pub async fn send(&self, sent: Sent<'_>, most: usize) -> Result<Answer, WebError> {
        let url = Url::parse(sent.url).map_err(|_| WebError::Refused("the address cannot be read".to_owned()))?;
        let response = self.request(&sent.method, &url, sent.headers, sent.body).await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut chunks = response.bytes_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(unreachable)?;
            if body.len() + chunk.len() > most {
                return Err(WebError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }

    /// Hands a file's content on as it comes, also from where the address redirects to.
    pub async fn download(
        &self,
        url: &str,
        headers: &[(String, String)],
        most: u64,
        into: &mut (impl AsyncWrite + Unpin + Send),
    ) -> Result<(), WebError> {
        let unreadable = || WebError::Refused("the address cannot be read".to_owned());
        let first = Url::parse(url).map_err(|_| unreadable())?;
        let mut url = first.clone();
        for _ in 0..=REDIRECTS {
            let headers = if url.origin() == first.origin() { headers } else { &[] };
            let response = self.request(&reqwest::Method::GET, &url, headers, None).await?;
            if response.status().is_redirection() {
                let target = response.headers().get("location").and_then(|value| value.to_str().ok());
                let target = url.join(target.ok_or_else(unreadable)?).map_err(|_| unreadable())?;
                if url.scheme() == "https" && target.scheme() != "https" {
                    return Err(unreadable());
                }
                url = target;
                continue;
            }
            if !response.status().is_success() {
                return Err(WebError::Failed(format!("the server answers {}", response.status().as_u16())));
            }
            let (mut chunks, mut taken) = (response.bytes_stream(), 0_u64);
            while let Some(chunk) = chunks.next().await {
                let chunk = chunk.map_err(unreachable)?;
                taken += chunk.len() as u64;
                if taken > most {
                    return Err(WebError::TooLarge);
                }
                into.write_all(&chunk).await.map_err(|error| WebError::Failed(error.to_string()))?;
            }
            return Ok(());
        }
        Err(WebError::Failed("it redirects in circles".to_owned()))
    }

    async fn request(
        &self,
        method: &reqwest::Method,
        url: &Url,
        headers: &[(String, String)],
        body: Option<Vec<u8>>,
    ) -> Result<reqwest::Response, WebError> {
        let refused = || WebError::Refused("the address cannot be read".to_owned());
        if !matches!(url.scheme(), "http" | "https") {
            return Err(refused());
        }
        let (host, port) = url.host().zip(url.port_or_known_default()).ok_or_else(refused)?;
        let addresses = self.outbound.resolve(&host, port).await.map_err(|error| match error {
            OutboundError::Refused(_) => WebError::Refused(error.to_string()),
            OutboundError::Unresolved(..) => WebError::Unreachable(error.to_string()),
        })?;
        let addresses: Vec<SocketAddr> = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .read_timeout(TIME)
            .user_agent("canopy")
            .resolve_to_addrs(&host.to_string(), &addresses)
            .build()
            .map_err(|error| WebError::Failed(error.without_url().to_string()))?;
        let mut request = client.request(method.clone(), url.clone());
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.body(body);
        }
        request.send().await.map_err(unreachable)
    }
}

/// Addresses may carry what is secret, so none is told.
fn unreachable(error: reqwest::Error) -> WebError {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    WebError::Unreachable(format!("{error}{cause}"))
}
