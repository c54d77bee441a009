//! Opening a terminal: may it be, is there a shell, who has how many.

use super::SILENT;
use crate::applications::desired;
use crate::applications::serving::Serving;
use crate::clock::new_id;
use crate::servers::engine::{Container, Engine};
use crate::{Ctx, Error, Result};
use contract::terminals::{OpenTerminal, TerminalSession};
use entity::{Global, Tenant, terminal_session, user};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, PaginatorTrait, QueryFilter, QuerySelect};

/// The first of these that the container has.
const SHELLS: [&str; 3] = ["/bin/bash", "/bin/sh", "/busybox/sh"];

/// Notes the session; its processes carry its id as their mark.
pub async fn open(ctx: &Ctx, input: OpenTerminal) -> Result<TerminalSession> {
    let scope = ctx.scope()?;
    let person = ctx.person()?.clone();
    let serving = Serving::find(&ctx.platform, scope, input.application_id).await?;
    if serving.application.desired != desired::RUNNING {
        return Err(Error::conflict(format!("{} is stopped. Start it first.", serving.application.name)));
    }
    let engine = serving.engine.as_ref();
    let container = serving.running(input.replica).await?.ok_or_else(|| match input.replica {
        Some(replica) => Error::conflict(format!("Replica {replica} does not run. Its log says why.")),
        None => Error::conflict("The application's container does not run. Its log says why."),
    })?;
    let shell = shell(engine, &container).await?;

    let tx = ctx.tx().await?;
    // Their row is locked until the commit: the limit holds.
    user::Entity::rows().filter(user::Column::Id.eq(person.user)).lock_exclusive().one(tx).await?;
    let now = ctx.now();
    let open = terminal_session::Entity::find_everywhere()
        .filter(terminal_session::Column::UserId.eq(person.user))
        .filter(terminal_session::Column::ClosedAt.is_null())
        .filter(terminal_session::Column::SeenAt.gt(now - SILENT))
        .count(tx)
        .await?;
    let most = ctx.platform.settings.terminals.per_person;
    if open >= most {
        return Err(Error::conflict(format!(
            "You have {open} terminals open, and {most} is the most. Close one first."
        )));
    }
    let row = terminal_session::Model {
        id: new_id(),
        organization_id: scope.organization(),
        application_id: input.application_id,
        user_id: person.user,
        actor: person.email,
        address: ctx.caller.address.map(|address| address.to_string()),
        container: container.id.clone(),
        opened_at: now,
        seen_at: now,
        closed_at: None,
    };
    let id = row.id;
    terminal_session::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
    let name = &serving.application.name;
    ctx.object("application", input.application_id, format!("{name}, container {}", container.name));
    Ok(TerminalSession {
        id,
        application_id: input.application_id,
        application_name: name.clone(),
        container: container.id,
        container_name: container.name,
        shell: shell.to_owned(),
    })
}

async fn shell(engine: &dyn Engine, container: &Container) -> Result<&'static str> {
    for shell in SHELLS {
        if engine.has_file(&container.id, shell).await? {
            return Ok(shell);
        }
    }
    Err(Error::conflict(format!(
        "The image has no shell: none of {} is in it, as in images made from scratch. Build it on a base with a shell to open terminals.",
        SHELLS.join(", ")
    )))
}
