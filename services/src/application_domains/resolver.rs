//! The port to the domain name system.

use async_trait::async_trait;
use std::net::IpAddr;

#[async_trait]
pub trait Resolver: Send + Sync {
    /// The addresses that a name has now, none where it has no record; nothing where that can't be told.
    async fn addresses(&self, host: &str) -> Option<Vec<IpAddr>>;
}
