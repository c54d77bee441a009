//! Networks.

use super::{Corner, engine};
use services::servers::engine::{Engine, EngineError, LABEL_ENVIRONMENT};

#[tokio::test]
async fn docker_a_network_is_made_once_and_found_by_all_its_labels() {
    let corner = Corner::new().await;
    let name = corner.name("net");
    let mut labels = corner.labels();
    labels.insert(LABEL_ENVIRONMENT.to_owned(), "one".to_owned());
    let made = futures::future::join_all((0..4).map(|_| corner.engine.ensure_network(&name, &labels))).await;
    assert!(made.into_iter().all(|result| result.is_ok()));
    assert_eq!(corner.engine.networks(&corner.labels()).await.unwrap(), std::slice::from_ref(&name));

    labels.insert(LABEL_ENVIRONMENT.to_owned(), "on".to_owned());
    assert_eq!(corner.engine.networks(&labels).await.unwrap(), Vec::<String>::new());
    corner.engine.remove_network(&name).await.unwrap();
    corner.engine.remove_network(&name).await.unwrap();
    assert_eq!(corner.engine.networks(&corner.labels()).await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn docker_more_networks_are_made_than_the_engines_own_pools_hold_by_two_processes_at_once() {
    let corner = Corner::new().await;
    let other = engine();
    let labels = corner.labels();
    let made = futures::future::join_all((0..40).map(|number| {
        let engine = if number % 2 == 0 { &corner.engine } else { &other };
        let (name, labels) = (corner.name(&number.to_string()), &labels);
        async move { engine.ensure_network(&name, labels).await }
    }));
    for result in made.await {
        result.unwrap();
    }
    assert_eq!(corner.engine.networks(&labels).await.unwrap().len(), 40);
}

#[tokio::test]
async fn docker_containers_join_and_leave_networks_any_number_of_times() {
    let corner = Corner::new().await;
    let (main, other) = (corner.name("main"), corner.name("other"));
    for network in [&main, &other] {
        corner.engine.ensure_network(network, &corner.labels()).await.unwrap();
    }
    let mut spec = corner.container("a", "sleep 1000");
    spec.networks = vec![main.clone(), other.clone()];
    let id = corner.started(spec).await;
    let container = corner.engine.container(&id).await.unwrap().unwrap();
    assert_eq!(container.addresses.keys().collect::<Vec<_>>(), [&main, &other]);

    corner.engine.connect_network(&other, &id).await.unwrap();
    assert!(matches!(corner.engine.remove_network(&other).await, Err(EngineError::Conflict(_))));
    corner.engine.disconnect_network(&other, &id).await.unwrap();
    corner.engine.disconnect_network(&other, &id).await.unwrap();
    corner.engine.remove_network(&other).await.unwrap();
    corner.engine.disconnect_network(&other, &id).await.unwrap();
    let absent = corner.engine.connect_network(&other, &id).await;
    assert!(matches!(absent, Err(EngineError::NotFound(_))), "{absent:?}");
}
