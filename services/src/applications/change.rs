//! Making and changing applications.

use super::{checks, desired, domains, files, ports, read, running};
use crate::clock::new_id;
use crate::deployments::RoutesReconciled;
use crate::jobs::Waker;
use crate::organizations::host_access;
use crate::values::ContainerPath;
use crate::{Ctx, Error, Faults, OnConflict, Result, git_credentials, values};
use contract::applications::{
    Application, ApplicationStatus, Build, CreateApplication, HealthCheck, Source, UpdateApplication,
};
use contract::running::{HostAccess, RunSettings};
use entity::{Tenant, application, environment, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};

const TAKEN: &str = "The environment has an application of this name already. Choose another name.";
const DEFAULT_MEMORY_MB: u32 = 512;
const DEFAULT_CPU_MILLIS: u32 = 1000;

/// What of an application its owner configures, whole: an update is checked as if all of it came in anew.
#[derive(Clone, PartialEq)]
struct Wanted {
    name: String,
    source: Source,
    build: Build,
    port: u16,
    health_check: Option<HealthCheck>,
    memory_mb: u32,
    cpu_millis: u32,
    run: RunSettings,
}

impl Wanted {
    fn check(&self, faults: &mut Faults, files: Vec<running::File>, allowed: HostAccess) {
        faults.check("name", values::Slug::parse(&self.name));
        checks::source(faults, &self.source);
        checks::build(faults, &self.source, &self.build);
        checks::port(faults, self.port);
        if let Some(check) = &self.health_check {
            checks::health_check(faults, check);
        }
        checks::limits(faults, self.memory_mb, self.cpu_millis);
        if let Some(running) = running::check(faults, &self.run, files) {
            running.check_policy(faults, allowed);
        }
    }

    /// In the columns' types; the checks came before, so nothing is lost.
    fn into_row(self, row: application::Model) -> Result<application::Model> {
        Ok(application::Model {
            name: self.name,
            source: serde_json::to_value(self.source)?,
            build: serde_json::to_value(self.build)?,
            port: self.port.into(),
            health_check: self.health_check.map(serde_json::to_value).transpose()?,
            memory_mb: i32::try_from(self.memory_mb).map_err(Error::internal)?,
            cpu_millis: i32::try_from(self.cpu_millis).map_err(Error::internal)?,
            run: Some(serde_json::to_value(self.run)?),
            ..row
        })
    }
}

pub async fn create(ctx: &Ctx, input: CreateApplication) -> Result<Application> {
    let wanted = Wanted {
        name: input.name,
        source: input.source,
        build: input.build,
        port: input.port,
        health_check: input.health_check,
        memory_mb: input.memory_mb.unwrap_or(DEFAULT_MEMORY_MB),
        cpu_millis: input.cpu_millis.unwrap_or(DEFAULT_CPU_MILLIS),
        run: input.run.unwrap_or_default(),
    };
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let mut faults = Faults::default();
    wanted.check(&mut faults, Vec::new(), host_access::of(tx, scope.organization()).await?);
    let hosts = checks::hosts(&mut faults, &input.domains);
    faults.into_result()?;

    git_credentials::check(tx, scope, &wanted.source).await?;
    let environment = environment::Entity::find_in(scope)
        .filter(environment::Column::Id.eq(input.environment_id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    let server = server::Entity::find_in(scope)
        .filter(server::Column::Id.eq(input.server_id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    let ports = wanted.run.ports.clone();
    let row = wanted.into_row(application::Model {
        id: new_id(),
        organization_id: scope.organization(),
        project_id: environment.project_id,
        environment_id: environment.id,
        server_id: server.id,
        name: String::new(),
        source: serde_json::Value::Null,
        build: serde_json::Value::Null,
        port: 0,
        health_check: None,
        memory_mb: 0,
        cpu_millis: 0,
        run: None,
        desired: desired::RUNNING.to_owned(),
        status: ApplicationStatus::New.as_str().to_owned(),
        status_at: None,
        current_deployment_id: None,
        last_number: 0,
        revision: 1,
        created_at: ctx.now(),
        deleted_at: None,
    })?;
    ctx.object("application", row.id, &row.name);
    let id = row.id;
    application::Entity::insert(application::ActiveModel::from(row))
        .exec_without_returning(tx)
        .await
        .on_conflict_field("name", TAKEN)?;
    domains::replace(ctx, id, &hosts).await?;
    ports::replace(ctx, id, &serde_json::from_value(server.connection)?, &ports).await?;
    read::find(ctx, id).await
}

/// Changes the configuration; what serves stays as it is until the next deployment, but for its hosts.
pub async fn update(ctx: &Ctx, input: UpdateApplication) -> Result<Application> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = application::Entity::find_in(scope)
        .filter(application::Column::Id.eq(input.id))
        .filter(application::Column::DeletedAt.is_null())
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("application", row.id, &row.name);
    let before = Wanted {
        name: row.name.clone(),
        source: serde_json::from_value(row.source.clone())?,
        build: serde_json::from_value(row.build.clone())?,
        port: u16::try_from(row.port).unwrap_or_default(),
        health_check: row.health_check.clone().map(serde_json::from_value).transpose()?,
        memory_mb: u32::try_from(row.memory_mb).unwrap_or_default(),
        cpu_millis: u32::try_from(row.cpu_millis).unwrap_or_default(),
        run: row.run.clone().map(serde_json::from_value).transpose()?.unwrap_or_default(),
    };
    let kept = before.clone();
    let wanted = Wanted {
        name: input.name.unwrap_or(kept.name),
        source: input.source.unwrap_or(kept.source),
        build: input.build.unwrap_or(kept.build),
        port: input.port.unwrap_or(kept.port),
        health_check: if input.remove_health_check { None } else { input.health_check.or(kept.health_check) },
        memory_mb: input.memory_mb.unwrap_or(kept.memory_mb),
        cpu_millis: input.cpu_millis.unwrap_or(kept.cpu_millis),
        run: input.run.unwrap_or(kept.run),
    };
    let mut faults = Faults::default();
    let files = files::stored(tx, &ctx.platform.keyring, scope, row.id).await?;
    let files = files.into_iter().filter_map(|file| {
        let path = ContainerPath::parse(&file.path).ok()?;
        Some(running::File { path, content: file.content, secret: file.secret })
    });
    let files: Vec<running::File> = files.collect();
    if wanted.run.volumes != before.run.volumes || wanted.run.host_mounts != before.run.host_mounts {
        running::keep_files(&mut faults, &wanted.run, &files);
    }
    wanted.check(&mut faults, files, host_access::of(tx, scope.organization()).await?);
    let hosts = input.domains.as_ref().map(|domains| checks::hosts(&mut faults, domains));
    faults.into_result()?;
    if wanted.source != before.source {
        git_credentials::check(tx, scope, &wanted.source).await?;
    }

    let led_elsewhere = match hosts {
        Some(hosts) => domains::replace(ctx, row.id, &hosts).await?,
        None => false,
    };
    if led_elsewhere {
        // Hosts are free for others from the commit on, so they are routed anew without a deployment.
        ctx.notes().reconcile.push(Waker::poke::<RoutesReconciled>);
        ctx.notes().poke.push(row.id.0);
    }
    if wanted == before {
        ctx.notes().unchanged = !led_elsewhere;
        return read::find(ctx, row.id).await;
    }
    if wanted.run.ports != before.run.ports {
        let server = server::Entity::find_in(scope)
            .filter(server::Column::Id.eq(row.server_id))
            .one(tx)
            .await?
            .ok_or(Error::NotFound)?;
        ports::replace(ctx, row.id, &serde_json::from_value(server.connection)?, &wanted.run.ports).await?;
    }
    let row = wanted.into_row(row)?;
    application::Entity::update_in(scope)
        .col_expr(application::Column::Name, Expr::value(row.name.clone()))
        .col_expr(application::Column::Source, Expr::value(row.source))
        .col_expr(application::Column::Build, Expr::value(row.build))
        .col_expr(application::Column::Port, Expr::value(row.port))
        .col_expr(application::Column::HealthCheck, Expr::value(row.health_check))
        .col_expr(application::Column::MemoryMb, Expr::value(row.memory_mb))
        .col_expr(application::Column::CpuMillis, Expr::value(row.cpu_millis))
        .col_expr(application::Column::Run, Expr::value(row.run))
        .col_expr(application::Column::Revision, Expr::value(row.revision + 1))
        .filter(application::Column::Id.eq(row.id))
        .exec(tx)
        .await
        .on_conflict_field("name", TAKEN)?;
    ctx.object("application", row.id, row.name);
    ctx.notes().poke.push(row.id.0);
    read::find(ctx, row.id).await
}
