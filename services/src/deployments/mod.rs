//! Deployments: a version of an application is fetched, built, started, checked, and only then takes over.

mod create;
mod diagnosis;
mod fingerprint;
mod follow;
pub(crate) mod lines;
mod log;
mod mask;
pub mod nixpacks;
mod old;
mod orphans;
mod pace;
mod plan;
pub mod repository;
pub(crate) mod routes;
pub(crate) mod run;
pub(crate) mod snapshot;
pub(crate) mod summary;
mod symptoms;
mod tail;
mod view;
mod words;

pub use create::{cancel, create, rollback};
pub use follow::{FollowEvent, follow};
pub use mask::{MASK, Secrets};
pub(crate) use old::forget_old;
pub use orphans::OrphansRemoved;
pub use pace::Pace;
pub use routes::RoutesReconciled;
pub use run::RunDeployment;
pub use tail::Tails;
pub use view::{get, list, logs};
