//! What the command palette finds: projects, applications and servers by a part of their name.

use crate::page::{contains, term};
use crate::{Ctx, Result};
use contract::Page;
use contract::ids::{ApplicationId, ProjectId, ServerId};
use contract::permissions::Permission;
use contract::search::{Hit, Search};
use entity::{Tenant, application, environment, project, server};
use sea_orm::sea_query::{Expr, ExprTrait, Func, IntoColumnRef, SimpleExpr};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

const MOST: usize = 20;

/// The organization's things by name, those that start with the text first.
pub async fn search(ctx: &Ctx, input: Search) -> Result<Page<Hit>> {
    let Some(text) = term(Some(&input.text))? else { return Ok(Page::whole(Vec::new())) };
    // "deploy api" asks for api; that it can be deployed is part of the answer.
    let text =
        text.get(..7).filter(|verb| verb.eq_ignore_ascii_case("deploy ")).map_or(text, |_| text[7..].trim_start());
    let authority = ctx.authority()?;
    let mut hits = Vec::new();
    if authority.allows(Permission::ProjectsRead) {
        hits.extend(projects(ctx, text).await?);
    }
    if authority.allows(Permission::ApplicationsRead) {
        hits.extend(applications(ctx, text, authority.allows(Permission::DeploymentsManage)).await?);
    }
    if authority.allows(Permission::ServersRead) {
        hits.extend(servers(ctx, text).await?);
    }
    let lower = text.to_lowercase();
    hits.sort_by_cached_key(|hit: &Hit| {
        let label = hit.label.to_lowercase();
        (!label.starts_with(&lower), label)
    });
    hits.truncate(MOST);
    Ok(Page::whole(hits))
}

fn named(column: impl IntoColumnRef, text: &str) -> SimpleExpr {
    Expr::expr(Func::lower(Expr::col(column))).like(contains(text))
}

async fn projects(ctx: &Ctx, text: &str) -> Result<Vec<Hit>> {
    let rows: Vec<(ProjectId, String)> = project::Entity::find_in(ctx.scope()?)
        .select_only()
        .columns([project::Column::Id, project::Column::Name])
        .filter(named(project::Column::Name, text))
        .order_by_asc(project::Column::Name)
        .limit(MOST as u64)
        .into_tuple()
        .all(&ctx.db())
        .await?;
    Ok(rows.into_iter().map(|(id, name)| hit("project", name, "Project".into(), format!("/projects/{id}"))).collect())
}

async fn applications(ctx: &Ctx, text: &str, may_deploy: bool) -> Result<Vec<Hit>> {
    let rows: Vec<(ApplicationId, String, String, String)> = application::Entity::find_in(ctx.scope()?)
        .select_only()
        .columns([application::Column::Id, application::Column::Name])
        .column(project::Column::Name)
        .column(environment::Column::Name)
        .join_rev(
            sea_orm::JoinType::InnerJoin,
            project::Entity::belongs_to(application::Entity)
                .from(project::Column::Id)
                .to(application::Column::ProjectId)
                .into(),
        )
        .join_rev(
            sea_orm::JoinType::InnerJoin,
            environment::Entity::belongs_to(application::Entity)
                .from(environment::Column::Id)
                .to(application::Column::EnvironmentId)
                .into(),
        )
        .filter(application::Column::DeletedAt.is_null())
        .filter(named((application::Entity, application::Column::Name), text))
        .order_by_asc(application::Column::Name)
        .limit(MOST as u64)
        .into_tuple()
        .all(&ctx.db())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(id, name, project, environment)| Hit {
            deploy_application_id: may_deploy.then_some(id),
            ..hit("application", name, format!("{project} / {environment}"), format!("/applications/{id}"))
        })
        .collect())
}

async fn servers(ctx: &Ctx, text: &str) -> Result<Vec<Hit>> {
    let rows: Vec<(ServerId, String)> = server::Entity::find_in(ctx.scope()?)
        .select_only()
        .columns([server::Column::Id, server::Column::Name])
        .filter(named(server::Column::Name, text))
        .order_by_asc(server::Column::Name)
        .limit(MOST as u64)
        .into_tuple()
        .all(&ctx.db())
        .await?;
    Ok(rows.into_iter().map(|(id, name)| hit("server", name, "Server".into(), format!("/servers/{id}"))).collect())
}

fn hit(kind: &str, label: String, hint: String, href: String) -> Hit {
    Hit { kind: kind.to_owned(), label, hint, href, deploy_application_id: None }
}
