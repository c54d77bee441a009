//! Deployments as a table for other programs, row by row as it is read: a long one costs no more memory than a page.

use super::maths::cell;
use super::{filter, view};
use crate::error::Result;
use crate::page::Window;
use crate::platform::Platform;
use contract::Time;
use contract::deployments::{DeploymentSummary, ListDeployments};
use entity::{Scope, deployment};
use futures::Stream;
use std::sync::Arc;

const PAGE: u32 = 200;
const HEAD: &str = "project,application,number,status,commit,message,author,committed_at,asked_by,trigger,why,\
    asked_at,started_at,finished_at,seconds,lead_seconds,failed_step,reason,id\r\n";

/// The head, then the rows of one page after another, newest first.
pub fn rows_as_csv(
    platform: Arc<Platform>,
    scope: Scope,
    input: ListDeployments,
) -> impl Stream<Item = Result<String>> + Send + 'static {
    let first = Some((None, HEAD.to_owned()));
    futures::stream::try_unfold(first, move |next: Option<(Option<String>, String)>| {
        let (platform, input) = (platform.clone(), input.clone());
        async move {
            let Some((cursor, mut text)) = next else { return Ok(None) };
            let db = platform.database.read();
            let window = Window::of(Some(PAGE), cursor.as_deref())?;
            let query = filter::chosen(db, scope, &input).await?;
            let rows = window.newest_first(query, deployment::Column::Id).all(db).await?;
            let page = window.page(rows, |row| row.id.0);
            let cursor = page.next_cursor;
            for row in view::summaries(db, scope, page.items).await? {
                text.push_str(&line(&row));
            }
            Ok(Some((text, cursor.map(|cursor| (Some(cursor), String::new())))))
        }
    })
}

fn line(row: &DeploymentSummary) -> String {
    let at = |time: Option<Time>| time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
    let seconds = row.started_at.zip(row.finished_at).map(|(from, to)| (to - from).num_seconds().to_string());
    let (step, reason) = match &row.failure {
        Some(failure) => (Some(failure.step.as_str().to_owned()), Some(failure.reason.clone())),
        None => (None, None),
    };
    let cells = [
        Some(row.project_name.clone()),
        Some(row.application_name.clone()),
        Some(row.number.to_string()),
        Some(row.status.as_str().to_owned()),
        row.commit.clone(),
        row.commit_message.clone(),
        row.commit_author.clone(),
        at(row.committed_at),
        row.created_by.clone(),
        Some(row.trigger.as_str().to_owned()),
        row.trigger_words.clone(),
        at(Some(row.created_at)),
        at(row.started_at),
        at(row.finished_at),
        seconds,
        row.lead_seconds.map(|lead| lead.to_string()),
        step,
        reason,
        Some(row.id.to_string()),
    ];
    let cells: Vec<String> = cells.iter().map(|text| cell(text.as_deref().unwrap_or_default())).collect();
    format!("{}\r\n", cells.join(","))
}
