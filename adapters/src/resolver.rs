//! Names looked up as this machine does it.

use async_trait::async_trait;
use services::application_domains::Resolver;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(5);

pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn addresses(&self, host: &str) -> Option<Vec<IpAddr>> {
        // With the root's dot: a search list of this machine's must not answer for somebody else's name.
        match tokio::time::timeout(LIMIT, tokio::net::lookup_host((format!("{host}."), 0))).await.ok()? {
            Ok(found) => {
                let addresses: BTreeSet<IpAddr> = found.map(|address| address.ip()).collect();
                Some(addresses.into_iter().collect())
            }
            Err(error) => {
                let said = error.to_string();
                let absent = ["not known", "No address associated"].iter().any(|words| said.contains(words));
                absent.then(Vec::new)
            }
        }
    }
}
