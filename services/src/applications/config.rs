//! Everything that a deployment needs to know of an application, checked. It is made from the present rows, or from
//! the snapshot that an earlier deployment kept; both pass the same checks, so nothing unchecked reaches an adapter.

pub use super::resolved::Audience;
use super::resolved::{self, Purpose};
use super::running::{self, Running};
use super::site_headers::SiteHeaders;
use super::{checks, files};
use crate::application_domains::{self, KeptDomain};
use crate::deployments::repository::Extras;
use crate::keyring::Keyring;
use crate::values::{
    BuildTarget, CommitId, ContainerPath, DockerfileText, GitRef, GitUrl, HostName, ImageReference, RelativePath, Slug,
    UrlPath, VariableKey,
};
use crate::{Error, Faults, Result, previews};
use contract::applications as wire;
use contract::ids::{ApplicationId, EnvironmentId, GitCredentialId, OrganizationId, ProjectId, ServerId};
use contract::running::RunSettings;
use contract::servers::Connection;
use contract::validation;
use entity::{Scope, Tenant, application, application_domain, environment, project, server};
use sea_orm::{ColumnTrait, ConnectionTrait, QueryFilter, QueryOrder};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationConfig {
    pub id: ApplicationId,
    pub organization: OrganizationId,
    pub name: Slug,
    pub project: ProjectId,
    pub project_name: String,
    pub environment: EnvironmentId,
    pub environment_name: String,
    pub server: ServerId,
    pub server_name: String,
    pub connection: Connection,
    pub source: Source,
    pub build: Build,
    /// The port inside the container; given as `PORT` unless a variable of that name says otherwise.
    pub port: u16,
    pub hosts: Vec<HostName>,
    pub health_check: Option<HealthCheck>,
    pub limits: Limits,
    pub running: Running,
    pub variables: Vec<Variable>,
    pub revision: i64,
    /// The same in the form in which it is stored.
    stored: Stored,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Git {
        url: GitUrl,
        branch: GitRef,
        commit: Option<CommitId>,
        credential: Option<GitCredentialId>,
        extras: Extras,
        /// Where the application is in the repository; absent: the repository itself.
        base: Option<RelativePath>,
    },
    Image {
        reference: ImageReference,
    },
    Dockerfile {
        text: DockerfileText,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Build {
    Dockerfile { path: RelativePath, target: Option<BuildTarget>, time_limit: Option<Duration> },
    Static { publish_directory: RelativePath, single_page: bool, headers: SiteHeaders },
    Nixpacks { commands: Commands, time_limit: Option<Duration> },
    None,
}

/// What replaces the detected commands. They are shell text of the tenant's, run in the build and in the container only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commands {
    pub install: Option<String>,
    pub build: Option<String>,
    pub start: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    pub path: UrlPath,
    pub interval: Duration,
    pub timeout: Duration,
    pub retries: u32,
    pub start_period: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub memory_bytes: u64,
    pub cpu_millis: u32,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    pub key: VariableKey,
    pub value: String,
    pub build_time: bool,
    pub run_time: bool,
    pub secret: bool,
}

/// Values never show, secret or not: this ends up in logs.
impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable").field("key", &self.key).finish_non_exhaustive()
    }
}

impl ApplicationConfig {
    /// What the build gets as arguments. They stay readable in the image, so no secret is among them.
    pub fn build_arguments(&self) -> BTreeMap<String, String> {
        self.for_builds(false)
    }

    /// What the build's commands get only where they ask for it.
    pub fn build_secrets(&self) -> BTreeMap<String, String> {
        self.for_builds(true)
    }

    fn for_builds(&self, secret: bool) -> BTreeMap<String, String> {
        let given = self.variables.iter().filter(|v| v.build_time && v.secret == secret);
        given.map(|v| (v.key.to_string(), v.value.clone())).collect()
    }

    /// The settings on which the image depends. Which branch a commit was found on makes no other image.
    pub fn image_settings(&self) -> serde_json::Value {
        let without = |value: serde_json::Result<serde_json::Value>, left_out: &[&str]| {
            let mut value = value.unwrap_or_default();
            if let Some(fields) = value.as_object_mut() {
                fields.retain(|name, _| !left_out.contains(&name.as_str()));
            }
            value
        };
        serde_json::json!({
            "source": without(serde_json::to_value(&self.stored.source), &["branch", "commit"]),
            "build": without(serde_json::to_value(&self.stored.build), &["time_limit_minutes"]),
            // A static site's image says where it listens.
            "port": matches!(self.build, Build::Static { .. }).then_some(self.port),
        })
    }

    /// How long a build may take, when the settings say it.
    pub fn build_time_limit(&self) -> Option<Duration> {
        match &self.build {
            Build::Dockerfile { time_limit, .. } | Build::Nixpacks { time_limit, .. } => *time_limit,
            Build::Static { .. } | Build::None => None,
        }
    }

    /// What the container gets as its environment.
    pub fn run_environment(&self) -> BTreeMap<String, String> {
        let mut environment = BTreeMap::from([("PORT".to_owned(), self.port.to_string())]);
        let given = self.variables.iter().filter(|v| v.run_time);
        environment.extend(given.map(|v| (v.key.to_string(), v.value.clone())));
        environment
    }

    /// Its domains with their settings.
    pub(crate) fn kept_domains(&self) -> &[KeptDomain] {
        &self.stored.kept_domains
    }

    /// What must never appear in a log.
    pub fn secrets(&self) -> Vec<String> {
        let own = self.variables.iter().filter(|v| v.secret).map(|v| &v.value);
        let files = self.running.files.iter().filter(|file| file.secret).map(|file| &file.content);
        let all = own.chain(files).chain(&self.stored.secrets);
        let all: BTreeSet<&String> = all.filter(|value| !value.is_empty()).collect();
        all.into_iter().cloned().collect()
    }
}

/// The application as it is configured now.
pub async fn load(
    db: &impl ConnectionTrait,
    keyring: &Keyring,
    scope: Scope,
    id: ApplicationId,
) -> Result<ApplicationConfig> {
    load_for(db, keyring, scope, id, Audience::Production).await
}

/// The same with the variables of production, or with those of previews, which never get the others.
pub async fn load_for(
    db: &impl ConnectionTrait,
    keyring: &Keyring,
    scope: Scope,
    id: ApplicationId,
    audience: Audience,
) -> Result<ApplicationConfig> {
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let project = project::Entity::find_in(scope)
        .filter(project::Column::Id.eq(row.project_id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let environment = environment::Entity::find_in(scope)
        .filter(environment::Column::Id.eq(row.environment_id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let server = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(row.server_id))
        .one(db)
        .await?
        .ok_or(Error::NotFound)?;
    let domains = application_domain::Entity::find_in(scope)
        .filter(application_domain::Column::ApplicationId.eq(id))
        .order_by_asc(application_domain::Column::Position)
        .all(db)
        .await?;
    // A preview has its parent's, but only those that are for previews.
    let parent = match previews::parent(db, scope, id).await? {
        Some(parent) => application::Entity::find_in(scope).filter(application::Column::Id.eq(parent)).one(db).await?,
        None => None,
    };
    let audience = if parent.is_some() { Audience::Preview } else { audience };
    let (variables, secrets) = variables(db, keyring, scope, parent.as_ref().unwrap_or(&row), audience).await?;
    let mut files = files::stored(db, keyring, scope, parent.as_ref().map_or(id, |parent| parent.id)).await?;
    files.retain(|file| parent.is_none() || !file.secret);
    let stored = Stored {
        id,
        organization: row.organization_id,
        name: row.name,
        project: project.id,
        project_name: project.name,
        environment: environment.id,
        environment_name: environment.name,
        server: server.id,
        server_name: server.name,
        connection: serde_json::from_value(server.connection)?,
        source: serde_json::from_value(row.source)?,
        build: serde_json::from_value(row.build)?,
        port: u16::try_from(row.port).unwrap_or(0),
        kept_domains: domains.iter().map(|row| application_domains::keep(keyring, row)).collect::<Result<_>>()?,
        domains: super::read::distinct(domains.into_iter().map(|domain| domain.host)),
        health_check: row.health_check.map(serde_json::from_value).transpose()?,
        memory_mb: u32::try_from(row.memory_mb).unwrap_or(0),
        cpu_millis: u32::try_from(row.cpu_millis).unwrap_or(0),
        run: row.run.map(serde_json::from_value).transpose()?.unwrap_or_default(),
        files,
        variables,
        secrets,
        revision: row.revision,
    };
    check(stored)
}

/// The variables with what they refer to put in, and the secrets that came in that way.
async fn variables(
    db: &impl ConnectionTrait,
    keyring: &Keyring,
    scope: Scope,
    row: &application::Model,
    audience: Audience,
) -> Result<(Vec<StoredVariable>, Vec<String>)> {
    let (entries, _) = resolved::entries(db, keyring, scope, row, audience, Purpose::Deploy).await?;
    let (mut variables, mut secrets, mut faults) = (Vec::new(), BTreeSet::new(), Faults::default());
    for entry in entries {
        let row = entry.row;
        match entry.outcome {
            Ok(resolved) => {
                secrets.extend(resolved.secrets);
                variables.push(StoredVariable {
                    key: row.key,
                    value: resolved.value,
                    build_time: row.build_time,
                    run_time: row.run_time,
                    secret: resolved.secret,
                });
            }
            Err(why) => faults.note("variables", format!("{}: {why}", row.key)),
        }
    }
    faults.into_result()?;
    Ok((variables, secrets.into_iter().collect()))
}

impl ApplicationConfig {
    /// The same with another one's image source: what a deployment goes back to, image only.
    pub fn with_source_of(&self, earlier: &Self) -> Result<Self> {
        let stored = Stored {
            source: earlier.stored.source.clone(),
            build: earlier.stored.build.clone(),
            ..self.stored.clone()
        };
        check(stored)
    }
}

/// The configuration for keeping beside a deployment. It holds the variables' values: seal it.
pub fn snapshot(config: &ApplicationConfig) -> Result<serde_json::Value> {
    Ok(serde_json::to_value(&config.stored)?)
}

/// A configuration that was kept, checked as if it came in now.
pub fn from_snapshot(snapshot: serde_json::Value) -> Result<ApplicationConfig> {
    check(serde_json::from_value(snapshot)?)
}

/// The configuration in plain words, as rows and snapshots hold it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct Stored {
    id: ApplicationId,
    organization: OrganizationId,
    name: String,
    project: ProjectId,
    project_name: String,
    environment: EnvironmentId,
    environment_name: String,
    server: ServerId,
    server_name: String,
    connection: Connection,
    source: wire::Source,
    build: wire::Build,
    port: u16,
    domains: Vec<String>,
    /// With their settings; none in what was kept before there were any.
    #[serde(default)]
    kept_domains: Vec<KeptDomain>,
    health_check: Option<wire::HealthCheck>,
    memory_mb: u32,
    cpu_millis: u32,
    #[serde(default)]
    run: RunSettings,
    #[serde(default)]
    files: Vec<StoredFile>,
    variables: Vec<StoredVariable>,
    /// Secrets that came into values by reference, each alone.
    #[serde(default)]
    secrets: Vec<String>,
    revision: i64,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredFile {
    pub path: String,
    pub content: String,
    pub secret: bool,
}

impl Eq for Stored {}

impl fmt::Debug for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stored").finish_non_exhaustive()
    }
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
struct StoredVariable {
    key: String,
    value: String,
    build_time: bool,
    run_time: bool,
    secret: bool,
}

fn check(stored: Stored) -> Result<ApplicationConfig> {
    let mut faults = Faults::default();
    let name = faults.check("name", Slug::parse(&stored.name));
    let source = checks::source(&mut faults, &stored.source);
    let build = checks::build(&mut faults, &stored.source, &stored.build);
    checks::port(&mut faults, stored.port);
    let hosts = checks::hosts(&mut faults, &stored.domains);
    let health_check = stored.health_check.as_ref().and_then(|check| checks::health_check(&mut faults, check));
    let limits = checks::limits(&mut faults, stored.memory_mb, stored.cpu_millis);
    let files = stored.files.iter().filter_map(|file| {
        let path = faults.check("files", ContainerPath::parse(&file.path))?;
        Some(running::File { path, content: file.content.clone(), secret: file.secret })
    });
    let files = files.collect();
    let running = running::check(&mut faults, &stored.run, files);
    let variables = stored.variables.iter().filter_map(|variable| check_variable(&mut faults, variable)).collect();
    let for_builds =
        stored.variables.iter().filter(|v| v.build_time && !v.secret).map(|v| (v.key.as_str(), v.value.as_str()));
    if !fits_into_builds(for_builds)? {
        faults.note("variables", BUILD_VALUES_REFUSED);
    }
    faults.into_result()?;
    let (Some(name), Some(source), Some(build), Some(running)) = (name, source, build, running) else {
        return Err(Error::internal("a check refused a configuration without saying why"));
    };
    Ok(ApplicationConfig {
        id: stored.id,
        organization: stored.organization,
        name,
        project: stored.project,
        project_name: stored.project_name.clone(),
        environment: stored.environment,
        environment_name: stored.environment_name.clone(),
        server: stored.server,
        server_name: stored.server_name.clone(),
        connection: stored.connection.clone(),
        source,
        build,
        port: stored.port,
        hosts,
        health_check,
        limits,
        running,
        variables,
        revision: stored.revision,
        stored,
    })
}

/// What the values for builds may take together. An engine takes them in the address of a request, which is JSON in
/// which all but letters and digits stand for three bytes, and ends at 64 KiB.
const BUILD_VALUES: usize = 60_000;
pub(super) const BUILD_VALUES_REFUSED: &str = "The values for builds are too large together. They may take 60,000 \
    bytes, where all but letters and digits count three. Make one shorter, or give it to the running application only.";

/// Whether these can be given to a build together.
pub(super) fn fits_into_builds<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Result<bool> {
    let sent = serde_json::to_string(&values.collect::<BTreeMap<_, _>>())?;
    let size: usize = sent.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 }).sum();
    Ok(size <= BUILD_VALUES)
}

fn check_variable(faults: &mut Faults, stored: &StoredVariable) -> Option<Variable> {
    let key = faults.check("variables", VariableKey::parse(&stored.key));
    faults.check("variables", validation::variable_value(&stored.value));
    Some(Variable {
        key: key?,
        value: stored.value.clone(),
        build_time: stored.build_time,
        run_time: stored.run_time,
        secret: stored.secret,
    })
}
