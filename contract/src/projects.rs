//! Projects and their environments.

use crate::applications::ApplicationSummary;
use crate::ids::{EnvironmentId, ProjectId};
use chrono::{DateTime, Utc};
use macros::wire;

#[wire]
pub struct CreateProject {
    /// 1 to 80 characters, unique in the organization.
    pub name: String,
    #[serde(default)]
    pub description: Option<String>,
}

#[wire]
pub struct UpdateProject {
    pub id: ProjectId,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
}

#[wire]
pub struct ProjectRef {
    pub id: ProjectId,
}

#[wire(Default)]
pub struct ListProjects {
    /// Part of the name.
    #[serde(default)]
    pub search: Option<String>,
    /// 1 to 200.
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct Project {
    pub id: ProjectId,
    pub name: String,
    pub description: String,
    pub created_at: DateTime<Utc>,
    /// A new project has one, named `production`.
    pub environments: Vec<Environment>,
    /// Every application of the project, by environment and name.
    pub applications: Vec<ApplicationSummary>,
}

#[wire]
pub struct Environment {
    pub id: EnvironmentId,
    pub name: String,
}

#[wire]
pub struct CreateEnvironment {
    pub project_id: ProjectId,
    pub name: String,
}

#[wire]
pub struct EnvironmentRef {
    pub id: EnvironmentId,
}
