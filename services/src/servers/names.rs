//! What the platform's objects are called on an engine, and the labels by which it finds them again. Every name
//! carries the instance's id, so that instances sharing an engine never meet; everything here is a pure function.

use crate::servers::engine::{
    LABEL_APPLICATION, LABEL_DEPLOYMENT, LABEL_ENVIRONMENT, LABEL_INSTANCE, LABEL_ORGANIZATION, LABEL_ROLE, Labels,
};
use contract::ids::{ApplicationId, DeploymentId, EnvironmentId, OrganizationId};

/// A container's name is also its host name on the network, and a label of a host name ends at 63; three of them are for
/// what tells the containers of one deployment apart.
const LONGEST: usize = 60;
/// Hex digits of the deployment's id, from its random end: the front is the time and alike for neighbours.
const SUFFIX: usize = 6;

/// The network that an environment's containers share with the proxy.
pub fn environment_network(instance: &str, environment: EnvironmentId) -> String {
    format!("canopy-{instance}-env-{}", environment.0.simple())
}

/// The network of the instance's proxy. It sorts before every environment's: the Engine publishes a container's ports
/// through its first network by name, and closes and opens them again when that changes.
pub fn proxy_network(instance: &str) -> String {
    format!("0-canopy-{instance}-proxy")
}

/// The container of one deployment: `canopy-<instance>-<application>-<number>-<end of the deployment's id>`. A long
/// application name is cut; the rest tells the containers apart.
pub fn container(instance: &str, application: &str, number: i64, deployment: DeploymentId) -> String {
    let id = deployment.0.simple().to_string();
    let end = &id[id.len() - SUFFIX..];
    let rest = format!("-{number}-{end}");
    let front = format!("canopy-{instance}-");
    let room = LONGEST.saturating_sub(front.len() + rest.len());
    let kept: String = application.chars().take(room).collect();
    format!("{front}{}{rest}", kept.trim_end_matches('-'))
}

/// The containers of one deployment that serve side by side, from the name of the first: `name`, `name-2`, `name-3`...
pub fn replicas(first: &str, count: u32) -> Vec<String> {
    (1..=count.max(1)).map(|index| if index == 1 { first.to_owned() } else { format!("{first}-{index}") }).collect()
}

/// The container in which a deployment's own commands run, one after the other.
pub fn command(first: &str) -> String {
    format!("{first}-c")
}

/// Whether this is the name of such a container; those that serve end with a part of an id, or a number.
pub fn is_command(container: &str) -> bool {
    container.ends_with("-c")
}

/// An application's volume on its engine.
pub fn volume(instance: &str, application: ApplicationId, name: &str) -> String {
    format!("canopy-{instance}-{}-{name}", application.0.simple())
}

/// The labels by which an application's volumes are found.
pub fn volume_labels(instance: &str, organization: OrganizationId, application: ApplicationId) -> Labels {
    let mut labels = labels(instance, "volume");
    labels.insert(LABEL_ORGANIZATION.to_owned(), organization.to_string());
    labels.insert(LABEL_APPLICATION.to_owned(), application.to_string());
    labels
}

/// The repository of an application's built images: `canopy-<instance>/<application>`.
pub fn image_repository(instance: &str, application: ApplicationId) -> String {
    format!("canopy-{instance}/{}", application.0.simple())
}

/// The tag of one deployment's built image.
pub fn image_tag(instance: &str, application: ApplicationId, number: i64) -> String {
    format!("{}:{number}", image_repository(instance, application))
}

/// The labels of everything that this instance made for a role: `application`, `network`, `image`.
pub fn labels(instance: &str, role: &str) -> Labels {
    Labels::from([(LABEL_INSTANCE.to_owned(), instance.to_owned()), (LABEL_ROLE.to_owned(), role.to_owned())])
}

/// The labels by which an environment's network is found.
pub fn network_labels(instance: &str, environment: EnvironmentId) -> Labels {
    let mut labels = labels(instance, "network");
    labels.insert(LABEL_ENVIRONMENT.to_owned(), environment.to_string());
    labels
}

/// The labels by which an application's containers are found, whatever deployment they are of.
pub fn application_labels(instance: &str, application: ApplicationId) -> Labels {
    let mut labels = labels(instance, "application");
    labels.insert(LABEL_APPLICATION.to_owned(), application.to_string());
    labels
}

/// The labels of one deployment's container.
pub fn deployment_labels(
    instance: &str,
    environment: EnvironmentId,
    application: ApplicationId,
    deployment: DeploymentId,
) -> Labels {
    let mut labels = application_labels(instance, application);
    labels.insert(LABEL_ENVIRONMENT.to_owned(), environment.to_string());
    labels.insert(LABEL_DEPLOYMENT.to_owned(), deployment.to_string());
    labels
}

/// The labels by which an application's built images are found.
pub fn image_labels(instance: &str, application: ApplicationId) -> Labels {
    let mut labels = labels(instance, "image");
    labels.insert(LABEL_APPLICATION.to_owned(), application.to_string());
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::ImageReference;
    use contract::validation;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn id<T: From<Uuid> + std::fmt::Debug>() -> impl Strategy<Value = T> {
        any::<u128>().prop_map(|bits| Uuid::from_u128(bits).into())
    }

    const SLUG: &str = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

    proptest! {
        #[test]
        fn a_container_can_be_resolved_by_its_name(
            instance in "[0-9a-f]{8}", name in SLUG, number in 1i64..=i64::MAX, deployment in id::<DeploymentId>(),
        ) {
            let container = container(&instance, &name, number, deployment);
            prop_assert_eq!(validation::slug(&container), Ok(()), "{}", container);
            let prefix = format!("canopy-{instance}-");
            prop_assert!(container.starts_with(&prefix));
            for further in replicas(&container, 20).into_iter().chain([command(&container)]) {
                prop_assert_eq!(validation::slug(&further), Ok(()), "{}", further);
            }
            prop_assert!(is_command(&command(&container)));
            prop_assert!(!replicas(&container, 20).iter().any(|serving| is_command(serving)));
        }

        #[test]
        fn containers_of_two_deployments_differ(
            name in SLUG, number in 1i64..1_000_000, more in 1i64..1_000_000, deployment in id::<DeploymentId>(),
        ) {
            let first = container("0a1b2c3d", &name, number, deployment);
            prop_assert_ne!(first, container("0a1b2c3d", &name, number + more, deployment));
        }

        #[test]
        fn an_image_tag_is_a_reference(application in id::<ApplicationId>(), number in 1i64..=i64::MAX) {
            let tag = image_tag("0a1b2c3d", application, number);
            prop_assert!(ImageReference::parse(&tag).is_ok(), "{}", tag);
        }

        #[test]
        fn instances_never_meet(environment in id::<EnvironmentId>(), application in id::<ApplicationId>()) {
            prop_assert_ne!(environment_network("aaaaaaaa", environment), environment_network("bbbbbbbb", environment));
            prop_assert_ne!(image_tag("aaaaaaaa", application, 1), image_tag("bbbbbbbb", application, 1));
        }
    }

    #[test]
    fn a_name_reads_as_agreed() {
        let id = Uuid::parse_str("01936f2a-1111-7222-8333-444455abcdef").unwrap();
        assert_eq!(container("0a1b2c3d", "shop", 12, id.into()), "canopy-0a1b2c3d-shop-12-abcdef");
        assert_eq!(environment_network("0a1b2c3d", id.into()), "canopy-0a1b2c3d-env-01936f2a111172228333444455abcdef");
        assert_eq!(image_tag("0a1b2c3d", id.into(), 3), "canopy-0a1b2c3d/01936f2a111172228333444455abcdef:3");
    }
}
