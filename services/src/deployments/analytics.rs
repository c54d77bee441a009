//! What an organization's deployments of a time tell together: how many, how often they fail and where, how long they
//! and each of their steps take, who asks for them. Made of the rows that are still kept; it says since when that is all.

use super::filter;
use super::maths::{days, failure_rate, percentiles};
use crate::{Ctx, Error, Result};
use chrono::NaiveDate;
use contract::Time;
use contract::deployments::{
    AnalyzeDeployments, Day, DeploymentAnalytics, DeploymentStatus, DeploymentTrigger, Failure, ListDeployments,
    Person, Step, StepReport, StepShare, StepState, TriggerShare,
};
use contract::ids::ApplicationId;
use entity::deployment;
use sea_orm::{ColumnTrait, FromQueryResult, QueryOrder, QuerySelect};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);
const USUAL_DAYS: u32 = 30;
const MOST_DAYS: u32 = 366;
/// The newest so many are counted; who has more of them in a time chooses a shorter one.
const MOST_ROWS: u64 = 20_000;
const MOST_PEOPLE: usize = 20;

/// What is counted of a deployment.
#[derive(FromQueryResult)]
struct Counted {
    status: String,
    steps: serde_json::Value,
    failure: Option<serde_json::Value>,
    created_by: Option<String>,
    trigger_kind: String,
    committed_at: Option<Time>,
    created_at: Time,
    started_at: Option<Time>,
    finished_at: Option<Time>,
}

pub async fn analytics(ctx: &Ctx, input: AnalyzeDeployments) -> Result<DeploymentAnalytics> {
    // Days are counted whole, and the same question has the same answer all day.
    let tomorrow = (ctx.now() + DAY).date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    let to = input.to.unwrap_or(tomorrow);
    let from = input.from.unwrap_or(to - DAY * USUAL_DAYS);
    if from >= to || from < to - DAY * (MOST_DAYS + 1) {
        return Err(Error::field("from", format!("Choose at most {MOST_DAYS} days, of which the first comes first.")));
    }
    let wanted = ListDeployments {
        application_id: input.application_id,
        project_id: input.project_id,
        environment_id: input.environment_id,
        trigger: input.trigger,
        ..ListDeployments::default()
    };
    let (scope, db) = (ctx.scope()?, ctx.db());
    let kept = filter::chosen(&db, scope, &wanted).await?;
    let mut complete_since = complete_since(ctx, kept).await?.filter(|since| *since > from);
    let query = filter::chosen(&db, scope, &ListDeployments { from: Some(from), to: Some(to), ..wanted }).await?;
    let mut rows: Vec<Counted> = query
        .select_only()
        .columns([
            deployment::Column::Status,
            deployment::Column::Steps,
            deployment::Column::Failure,
            deployment::Column::CreatedBy,
            deployment::Column::TriggerKind,
            deployment::Column::CommittedAt,
            deployment::Column::CreatedAt,
            deployment::Column::StartedAt,
            deployment::Column::FinishedAt,
        ])
        .order_by_desc(deployment::Column::CreatedAt)
        .limit(MOST_ROWS + 1)
        .into_model()
        .all(&db)
        .await?;
    if rows.len() as u64 > MOST_ROWS {
        rows.pop();
        complete_since = rows.last().map(|row| row.created_at).max(complete_since);
    }
    Ok(summed(&rows, from, to, complete_since))
}

/// Before it some of an application's first ones were forgotten; none where all are there.
async fn complete_since(ctx: &Ctx, kept: sea_orm::Select<deployment::Entity>) -> Result<Option<Time>> {
    let db = ctx.db();
    let first: Vec<(ApplicationId, i64, Option<Time>)> = kept
        .select_only()
        .column(deployment::Column::ApplicationId)
        .column_as(deployment::Column::Number.min(), "first")
        .column_as(deployment::Column::CreatedAt.min(), "since")
        .group_by(deployment::Column::ApplicationId)
        .into_tuple()
        .all(&db)
        .await?;
    // They are numbered from 1 without a gap, and the oldest are forgotten first.
    Ok(first.into_iter().filter(|(_, number, _)| *number > 1).filter_map(|(_, _, since)| since).max())
}

/// The moment from which it served: the switch; what comes after is the old version's end.
pub(super) fn live_at(steps: &[StepReport], finished_at: Option<Time>) -> Option<Time> {
    let switched = steps.iter().find(|report| report.step == Step::Switch);
    switched.and_then(|report| report.finished_at).or(finished_at)
}

/// In milliseconds.
pub(super) fn between(from: Option<Time>, to: Option<Time>) -> Option<u64> {
    u64::try_from((to? - from?).num_milliseconds()).ok()
}

#[derive(Default)]
struct OneTrigger {
    total: u64,
    failed: u64,
    lead: Vec<u64>,
}

#[derive(Default)]
struct OneDay {
    succeeded: u64,
    failed: u64,
    other: u64,
    took: Vec<u64>,
}

fn summed(rows: &[Counted], from: Time, to: Time, complete_since: Option<Time>) -> DeploymentAnalytics {
    let mut count: HashMap<DeploymentStatus, u64> = HashMap::new();
    let mut steps: BTreeMap<Step, (Vec<u64>, u64)> = BTreeMap::new();
    let mut by_day: BTreeMap<NaiveDate, OneDay> = BTreeMap::new();
    let mut people: HashMap<Option<&str>, (u64, u64)> = HashMap::new();
    let mut triggers: BTreeMap<DeploymentTrigger, OneTrigger> = BTreeMap::new();
    let (mut took, mut waited, mut lead) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let status = DeploymentStatus::parse(&row.status).unwrap_or(DeploymentStatus::Failed);
        let reports: Vec<StepReport> = serde_json::from_value(row.steps.clone()).unwrap_or_default();
        *count.entry(status).or_default() += 1;
        waited.extend(between(Some(row.created_at), row.started_at));
        let day = by_day.entry(row.created_at.date_naive()).or_default();
        let person = people.entry(row.created_by.as_deref()).or_default();
        person.0 += 1;
        let why = triggers.entry(DeploymentTrigger::parse(&row.trigger_kind).unwrap_or(DeploymentTrigger::Person));
        let why = why.or_default();
        why.total += 1;
        match status {
            DeploymentStatus::Succeeded => {
                let duration = between(row.started_at, row.finished_at);
                day.succeeded += 1;
                day.took.extend(duration);
                took.extend(duration);
                let led = between(row.committed_at, live_at(&reports, row.finished_at));
                lead.extend(led);
                why.lead.extend(led);
            }
            DeploymentStatus::Failed => {
                day.failed += 1;
                person.1 += 1;
                why.failed += 1;
                let failure: Option<Failure> = row.failure.clone().and_then(|value| serde_json::from_value(value).ok());
                if let Some(failure) = failure {
                    steps.entry(failure.step).or_default().1 += 1;
                }
            }
            _ => day.other += 1,
        }
        for report in reports.iter().filter(|report| report.state == StepState::Done) {
            if let Some(duration) = between(report.started_at, report.finished_at) {
                steps.entry(report.step).or_default().0.push(duration);
            }
        }
    }
    let of = |status: DeploymentStatus| count.get(&status).copied().unwrap_or_default();
    let (succeeded, failed) = (of(DeploymentStatus::Succeeded), of(DeploymentStatus::Failed));
    // The moment at which a time ends is not of it.
    let last = (to - Duration::from_micros(1)).date_naive();
    let mut people: Vec<Person> = people
        .into_iter()
        .map(|(name, (total, failed))| Person { name: name.map(str::to_owned), total, failed })
        .collect();
    people.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    people.truncate(MOST_PEOPLE);
    DeploymentAnalytics {
        from,
        to,
        complete_since,
        total: rows.len() as u64,
        succeeded,
        failed,
        cancelled: of(DeploymentStatus::Cancelled),
        superseded: of(DeploymentStatus::Superseded),
        unfinished: of(DeploymentStatus::Queued) + of(DeploymentStatus::Running),
        failure_rate: failure_rate(succeeded, failed),
        duration: percentiles(took),
        waiting: percentiles(waited),
        lead_time: percentiles(lead),
        steps: steps
            .into_iter()
            .map(|(step, (took, failed))| StepShare { step, duration: percentiles(took), failed })
            .collect(),
        days: days(from.date_naive(), last)
            .map(|day| {
                let one = by_day.remove(&day).unwrap_or_default();
                Day {
                    day,
                    succeeded: one.succeeded,
                    failed: one.failed,
                    other: one.other,
                    p50_ms: percentiles(one.took).map(|took| took.p50_ms),
                }
            })
            .collect(),
        people,
        triggers: triggers
            .into_iter()
            .map(|(trigger, one)| TriggerShare {
                trigger,
                total: one.total,
                failed: one.failed,
                lead_time: percentiles(one.lead),
            })
            .collect(),
    }
}
