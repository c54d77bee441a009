//! Networks. Their names are unique as far as the platform is concerned; the Engine itself does not see to that.

use super::failure::{absent_is_fine, failure};
use super::{carries, label_filter, labels_of, subnets};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{
    Ipam, IpamConfig, Network, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest,
};
use bollard::query_parameters::ListNetworksOptions;
use ipnet::Ipv4Net;
use services::servers::engine::{EngineError, EngineResult, Labels};
use std::collections::HashMap;

/// Several instances may make networks at the same time.
const TRIES: usize = 32;

pub async fn ensure(docker: &Docker, name: &str, labels: &Labels) -> EngineResult<()> {
    if !named(docker, name).await?.is_empty() {
        return Ok(());
    }
    let made = create(docker, name, labels).await?;
    // Another process may have made it in the same moment. Both see both, and both keep the one of the lower id.
    let first = named(docker, name).await?.into_iter().filter_map(|network| network.id).min();
    if first.is_some_and(|first| first != made) {
        absent_is_fine(docker.remove_network(&made).await.map_err(|e| failure(e, name)))?;
    }
    Ok(())
}

/// With addresses that nobody has, as far as one can see. Who was faster elsewhere is seen at the next try; what stays
/// unseen is passed by.
async fn create(docker: &Docker, name: &str, labels: &Labels) -> EngineResult<String> {
    let mut taken = subnets::reached().await;
    let mut last = EngineError::Failed("the range for networks is used up".to_owned());
    for _ in 0..TRIES {
        taken.extend(fetch(docker, HashMap::new()).await?.into_iter().flat_map(addresses));
        let Some(subnet) = subnets::free(&taken) else { break };
        let request = NetworkCreateRequest {
            name: name.to_owned(),
            driver: Some("bridge".to_owned()),
            labels: Some(labels.clone().into_iter().collect()),
            ipam: Some(Ipam {
                config: Some(vec![IpamConfig { subnet: Some(subnet.to_string()), ..Default::default() }]),
                ..Default::default()
            }),
            ..Default::default()
        };
        match docker.create_network(request).await {
            Ok(made) => return Ok(made.id),
            Err(error) => match failure(error, "the network") {
                EngineError::Conflict(why) => last = EngineError::Conflict(why),
                error => return Err(error),
            },
        }
        taken.push(subnet);
    }
    Err(last)
}

fn addresses(network: Network) -> Vec<Ipv4Net> {
    let configured = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
    configured.into_iter().filter_map(|config| config.subnet?.parse().ok()).collect()
}

/// The Engine's own name filter also finds names that only contain the text.
async fn named(docker: &Docker, name: &str) -> EngineResult<Vec<Network>> {
    let filters = HashMap::from([("name".to_owned(), vec![name.to_owned()])]);
    let found = fetch(docker, filters).await?;
    Ok(found.into_iter().filter(|network| network.name.as_deref() == Some(name)).collect())
}

async fn fetch(docker: &Docker, filters: HashMap<String, Vec<String>>) -> EngineResult<Vec<Network>> {
    let options = ListNetworksOptions { filters: Some(filters) };
    docker.list_networks(Some(options)).await.map_err(|e| failure(e, "the networks"))
}

pub async fn list(docker: &Docker, labels: &Labels) -> EngineResult<Vec<String>> {
    let found = fetch(docker, label_filter(labels)).await?;
    Ok(found
        .into_iter()
        .filter_map(|network| carries(&labels_of(network.labels), labels).then_some(network.name).flatten())
        .collect())
}

pub async fn remove(docker: &Docker, name: &str) -> EngineResult<()> {
    absent_is_fine(docker.remove_network(name).await.map_err(|e| failure(e, &format!("the network {name}"))))
}

pub async fn connect(docker: &Docker, network: &str, container: &str) -> EngineResult<()> {
    let request = NetworkConnectRequest { container: container.to_owned(), endpoint_config: None };
    match docker.connect_network(network, request).await {
        Err(Error::DockerResponseServerError { message, .. }) if message.contains("already exists in network") => {
            Ok(())
        }
        other => other.map_err(|e| failure(e, &format!("the network {network} or the container {container}"))),
    }
}

pub async fn disconnect(docker: &Docker, network: &str, container: &str) -> EngineResult<()> {
    let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
    match docker.disconnect_network(network, request).await {
        Err(Error::DockerResponseServerError { message, .. }) if message.contains("is not connected to") => Ok(()),
        other => absent_is_fine(other.map_err(|e| failure(e, network))),
    }
}
