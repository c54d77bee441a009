//! Networks. Their names are unique as far as the platform is concerned; the Engine itself does not see to that.

use super::failure::{absent_is_fine, failure};
use super::{carries, label_filter, labels_of};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{Network, NetworkConnectRequest, NetworkCreateRequest, NetworkDisconnectRequest};
use bollard::query_parameters::ListNetworksOptions;
use services::servers::engine::{EngineResult, Labels};
use std::collections::HashMap;

pub async fn ensure(docker: &Docker, name: &str, labels: &Labels) -> EngineResult<()> {
    if !named(docker, name).await?.is_empty() {
        return Ok(());
    }
    let request = NetworkCreateRequest {
        name: name.to_owned(),
        driver: Some("bridge".to_owned()),
        labels: Some(labels.clone().into_iter().collect()),
        ..Default::default()
    };
    let made = docker.create_network(request).await.map_err(|e| failure(e, "the network"))?.id;
    // Another process may have made it in the same moment. Both see both, and both keep the one of the lower id.
    let first = named(docker, name).await?.into_iter().filter_map(|network| network.id).min();
    if first.is_some_and(|first| first != made) {
        absent_is_fine(docker.remove_network(&made).await.map_err(|e| failure(e, name)))?;
    }
    Ok(())
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
