//! What is wrong with an application that should run: it keeps restarting, or it has ended. Noted with how it ended and
//! what it said last, while that can still be found out.

use super::crash_loop::{WINDOW, is_looping};
use super::deaths::Death;
use super::logs::Splitter;
use super::serving::Serving;
use crate::error::Result;
use crate::platform::Platform;
use crate::servers::engine::{Container, ContainerState, LogRequest};
use contract::Time;
use contract::applications::Trouble;
use contract::ids::ApplicationId;
use entity::{Scope, Tenant, application, application_trouble};
use futures::StreamExt;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, Iterable, QueryFilter};
use std::collections::HashMap;
use std::time::Duration;

const LAST_LINES: usize = 10;
const READ_LIMIT: Duration = Duration::from_secs(5);
/// Of restarts that came while nobody looked, no more are counted.
const COUNTED: u64 = 10;

pub type Known = HashMap<ApplicationId, application_trouble::Model>;

/// What is known of these applications.
pub async fn known(platform: &Platform, ids: impl IntoIterator<Item = ApplicationId>) -> Result<Known> {
    let rows = application_trouble::Entity::find_everywhere()
        .filter(application_trouble::Column::ApplicationId.is_in(ids))
        .all(platform.database.read())
        .await?;
    Ok(rows.into_iter().map(|row| (row.application_id, row)).collect())
}

/// Notes what these containers of an application tell, and answers whether it keeps restarting.
pub async fn note(
    platform: &Platform,
    row: &application::Model,
    wanted: bool,
    own: &[&Container],
    known: &Known,
) -> Result<bool> {
    let Some(deployment) = row.current_deployment_id else { return Ok(false) };
    let now = platform.clock.now();
    let before = known.get(&row.id).filter(|before| before.deployment_id == deployment);
    let restarts: u64 = own.iter().map(|container| container.restarts).sum();
    let ended =
        own.iter().find(|container| matches!(container.state, ContainerState::Exited { .. })).filter(|_| wanted);
    if before.is_none() && restarts == 0 && ended.is_none() {
        return Ok(false);
    }
    let counted = before.map_or(0, |before| u64::try_from(before.restarts).unwrap_or_default());
    let restarting = own.iter().any(|container| container.state == ContainerState::Restarting);
    // Those of a container that is seen for the first time happened some time ago, unless it is at it.
    let fresh = if before.is_some() || restarting { restarts.saturating_sub(counted).min(COUNTED) } else { 0 };
    let mut times: Vec<Time> =
        before.and_then(|before| serde_json::from_value(before.restart_times.clone()).ok()).unwrap_or_default();
    times.retain(|at| now - *at < WINDOW);
    times.extend((0..fresh).map(|_| now));
    let looping = wanted && is_looping(&times, now, before.is_some_and(|before| before.looping));
    let troubled = looping || ended.is_some();
    let was_troubled = before.is_some_and(|before| before.since.is_some());
    let changed = fresh > 0 || troubled != was_troubled || before.is_none_or(|before| before.looping != looping);
    if !changed && restarts == counted {
        return Ok(looping);
    }
    let mut next = application_trouble::Model {
        application_id: row.id,
        organization_id: row.organization_id,
        deployment_id: deployment,
        restarts: i64::try_from(restarts).unwrap_or(i64::MAX),
        restart_times: serde_json::to_value(&times)?,
        since: troubled.then(|| before.and_then(|before| before.since).unwrap_or(now)),
        looping,
        exit_code: before.and_then(|before| before.exit_code),
        out_of_memory: before.is_some_and(|before| before.out_of_memory),
        last_lines: before.map_or_else(|| serde_json::json!([]), |before| before.last_lines.clone()),
    };
    if (fresh > 0 || (troubled && !was_troubled))
        && let Some(death) = own.iter().find_map(|container| death_of(platform, container))
    {
        (next.exit_code, next.out_of_memory) = (Some(death.exit_code), death.out_of_memory);
    }
    if troubled && (fresh > 0 || !was_troubled) {
        // The replica that is in trouble, not the first.
        let worst = ended.or_else(|| own.iter().max_by_key(|container| container.restarts));
        let lines =
            tokio::time::timeout(READ_LIMIT, last_lines(platform, row, worst.map_or("", |worst| &worst.id))).await;
        match lines {
            Ok(Ok(lines)) => next.last_lines = serde_json::to_value(lines)?,
            Ok(Err(error)) => tracing::debug!(%error, "what an application said last is not known"),
            Err(_) => tracing::debug!("what an application said last takes too long"),
        }
    }
    let replaced = OnConflict::column(application_trouble::Column::ApplicationId)
        .update_columns(
            application_trouble::Column::iter()
                .filter(|column| !matches!(column, application_trouble::Column::ApplicationId)),
        )
        .to_owned();
    application_trouble::Entity::insert(next.into_active_model())
        .on_conflict(replaced)
        .exec_without_returning(platform.database.write())
        .await?;
    platform.live.poke(row.id);
    Ok(looping)
}

/// How it ended, as it says itself or as its engine told.
fn death_of(platform: &Platform, container: &Container) -> Option<Death> {
    match container.state {
        ContainerState::Exited { code, out_of_memory } => Some(Death { exit_code: code, out_of_memory }),
        _ if container.restarts > 0 => platform.deaths.last_of(&container.id),
        _ => None,
    }
}

async fn last_lines(platform: &Platform, row: &application::Model, container: &str) -> Result<Vec<String>> {
    let serving = Serving::find(platform, Scope::of(row.organization_id), row.id).await?;
    let request = LogRequest { tail: Some(LAST_LINES), ..Default::default() };
    let mut output = serving.engine.logs(container, request).await?;
    let (mut lines, mut texts) = (Splitter::new(None, serving.secrets), Vec::new());
    while let Some(Ok(chunk)) = output.next().await {
        lines.push(&chunk, |line| texts.push(line.text));
    }
    lines.finish(|line| texts.push(line.text));
    Ok(texts)
}

/// In words, as it is shown.
pub fn shown(row: application_trouble::Model) -> Option<Trouble> {
    let since = row.since?;
    let restarts = row.restart_times.as_array().map_or(0, Vec::len);
    let restarts = u32::try_from(restarts).unwrap_or_default();
    Some(Trouble {
        since,
        looping: row.looping,
        restarts,
        exit_code: row.exit_code,
        out_of_memory: row.out_of_memory,
        words: words(&row, restarts),
        last_lines: serde_json::from_value(row.last_lines).unwrap_or_default(),
    })
}

fn words(row: &application_trouble::Model, restarts: u32) -> String {
    let how = match (row.out_of_memory, row.exit_code) {
        (true, _) => "it ran out of memory. Give it more in its settings, or make it need less".to_owned(),
        (false, Some(137)) => "it was killed (exit code 137), often for want of memory".to_owned(),
        (false, Some(0)) => "its program ends by itself with exit code 0: a service has to keep running".to_owned(),
        (false, Some(126 | 127)) => {
            format!(
                "its program cannot be run (exit code {}): check the image's command",
                row.exit_code.unwrap_or_default()
            )
        }
        (false, Some(code)) => format!("its program ends with exit code {code}"),
        (false, None) => "how it ends is not known: its log says more".to_owned(),
    };
    match row.looping {
        true if restarts > 1 => format!("It keeps restarting, {restarts} times in the last minutes: {how}."),
        true => format!("It keeps restarting: {how}."),
        false => format!("It should run and does not: {how}."),
    }
}
