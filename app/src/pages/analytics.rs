//! What the deployments of some days tell together: how many and how they ended, how long they took and where, who asked
//! for them. Each number leads to the deployments behind it.

use super::audit::{FilterInput, midnight};
use super::deployments::{ANALYTICS, Asked, HERE, choices, id, projects, tabs, triggers};
use super::region::region;
use crate::api;
use crate::ui::{
    Bars, Button, Card, Cell, Column, Density, Empty, Fact, Facts, Glyph, Notice, Page, RowLink, Sparkline, Table,
    ThreeColumns, Tone, time,
};
use contract::deployments::{AnalyzeDeployments, Day, DeploymentAnalytics, DeploymentTrigger, Percentiles, Step};
use contract::projects::Project;
use leptos::prelude::*;

#[component]
pub fn AnalyticsPage() -> impl IntoView {
    let asked = Asked::read();
    let analytics = Resource::new(
        move || asked.get(),
        |asked| async move {
            let input = AnalyzeDeployments {
                application_id: id(&asked.application),
                project_id: id(&asked.project),
                environment_id: id(&asked.environment),
                trigger: asked.trigger.as_deref().and_then(DeploymentTrigger::parse),
                from: asked.from.as_deref().and_then(|day| midnight(day, 0)),
                to: asked.to.as_deref().and_then(|day| midnight(day, 1)),
            };
            futures::try_join!(api::deployments::analytics(input), projects())
        },
    );
    let shown = region(analytics, "The analytics could not be read", move |(found, projects)| {
        parts(&found, &projects, &asked.get_untracked())
    });
    view! { <Page title="Deployments" tabs=tabs() tab=ANALYTICS>{shown}</Page> }
}

fn parts(found: &DeploymentAnalytics, projects: &[Project], asked: &Asked) -> AnyView {
    let bar = filters(projects, asked);
    if found.total == 0 {
        return view! {
            {bar}
            <Card flush=true>
                <Empty
                    glyph=Glyph::Rocket
                    title="No deployments in this time"
                    text="Here you see how often deployments fail, how long they and their steps take, and who asks for them. Choose other days, or deploy."
                />
            </Card>
        }
        .into_any();
    }
    let kept = found.complete_since.map(|since| {
        let words = format!(
            "Of each application the newest 200 deployments are kept, older ones for a month: before {} some are not counted.",
            time::short(since)
        );
        view! { <Notice tone=Tone::Neutral>{words}</Notice> }
    });
    view! {
        {bar}
        {kept}
        {figures(found, asked)}
        {charts(found)}
        {steps(found, asked)}
        {reasons(found, asked)}
        {people(found, asked)}
        {days(found, asked)}
    }
    .into_any()
}

fn filters(projects: &[Project], asked: &Asked) -> AnyView {
    let keep = asked.environment.clone().map(|id| view! { <input type="hidden" name="environment" value=id /> });
    let (from, to) = (asked.from.clone().unwrap_or_default(), asked.to.clone().unwrap_or_default());
    let reasons = triggers(asked.trigger.clone());
    let choices = choices(projects, &asked.project, &asked.application);
    view! {
        <Card flush=true>
            <div class=style::table::BAR>
                <form class=style::table::SEARCH method="get" action=ANALYTICS>
                    {keep}
                    {choices}
                    {reasons}
                    <FilterInput name="from" kind="date" words="From" label="From this day, UTC" value=from />
                    <FilterInput name="to" kind="date" words="To" label="To this day, UTC" value=to />
                    <Button small=true>"Show"</Button>
                </form>
            </div>
        </Card>
    }
    .into_any()
}

/// The deployments behind a number: of the same applications and days, and of a state or a person.
fn behind(found: &DeploymentAnalytics, asked: &Asked, state: Option<&str>, by: Option<&str>) -> String {
    // The moment at which the time ends is not of it.
    let last = found.to - chrono::Duration::microseconds(1);
    let from = asked.from.clone().unwrap_or_else(|| found.from.date_naive().to_string());
    let to = asked.to.clone().unwrap_or_else(|| last.date_naive().to_string());
    let asked = Asked {
        from: Some(from),
        to: Some(to),
        state: state.map(str::to_owned),
        by: by.map(str::to_owned),
        ..asked.clone()
    };
    asked.address(HERE)
}

fn took(percentiles: Option<Percentiles>) -> (String, String) {
    let words = |ms: u64| time::duration(i64::try_from(ms).unwrap_or(i64::MAX));
    percentiles.map_or_else(|| ("–".to_owned(), "–".to_owned()), |found| (words(found.p50_ms), words(found.p95_ms)))
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn figures(found: &DeploymentAnalytics, asked: &Asked) -> AnyView {
    let rate = found.failure_rate.map_or_else(|| "–".to_owned(), percent);
    let (all, failed) = (behind(found, asked, None, None), behind(found, asked, Some("failed"), None));
    let both = |percentiles: Option<Percentiles>| {
        let (half, most) = took(percentiles);
        format!("{half} · {most}")
    };
    let (total, failures) = (found.total, format!("{} · {rate}", found.failed));
    let (lasted, waited, lead) = (both(found.duration), both(found.waiting), both(found.lead_time));
    view! {
        <Card flush=true note="Times are the median and the 95th percentile (p95).">
            <Facts>
                <Fact label="Deployments">
                    <a href=all>{total}</a>
                </Fact>
                <Fact label="Failed">
                    <a href=failed>{failures}</a>
                </Fact>
                <Fact label="Duration">{lasted}</Fact>
                <Fact label="Queue time">{waited}</Fact>
                <Fact label="Lead time">{lead}</Fact>
            </Facts>
        </Card>
    }
    .into_any()
}

fn axis(days: &[Day]) -> Vec<String> {
    let ends = [days.first(), days.last()];
    ends.into_iter().flatten().map(|one| one.day.to_string()).collect()
}

fn charts(found: &DeploymentAnalytics) -> AnyView {
    let of = |count: fn(&Day) -> u64| found.days.iter().map(|day| count(day) as f64).collect::<Vec<_>>();
    let durations: Vec<Option<f64>> = found.days.iter().map(|day| day.p50_ms.map(|ms| ms as f64)).collect();
    let (half, _) = took(found.duration);
    let total = format!("{} deployments in {} days", found.total, found.days.len());
    let failed = format!("{} failed in {} days", found.failed, found.days.len());
    let lasted = format!("How long deployments took by day, {half} in the middle");
    let (all, failing) = (of(|day| day.succeeded + day.failed + day.other), of(|day| day.failed));
    let [first, second, third] = [(); 3].map(|()| axis(&found.days));
    view! {
        <ThreeColumns>
            <Card title="By day">
                <Bars values=all summary=total axis=first />
            </Card>
            <Card title="Failures by day">
                <Bars values=failing summary=failed tone=Tone::Bad axis=second />
            </Card>
            <Card title="Duration by day">
                <Sparkline points=durations summary=lasted axis=third />
            </Card>
        </ThreeColumns>
    }
    .into_any()
}

fn steps(found: &DeploymentAnalytics, asked: &Asked) -> AnyView {
    let rows = found
        .steps
        .iter()
        .filter(|share| share.step != Step::Done)
        .map(|share| {
            let (half, most) = took(share.duration);
            let word = share.step.as_str();
            let name = word[..1].to_uppercase() + &word[1..];
            let done = share.duration.map_or(0, |duration| duration.count);
            let failed = behind(found, asked, Some("failed"), None);
            let failures =
                if share.failed == 0 { "0".into_any() } else { view! { <a href=failed>{share.failed}</a> }.into_any() };
            view! {
                <tr>
                    <Cell>{name}</Cell>
                    <Cell right=true dim=true hide=true>{done}</Cell>
                    <Cell right=true>{half}</Cell>
                    <Cell right=true>{most}</Cell>
                    <Cell right=true>{failures}</Cell>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![
        Column::new("Step"),
        Column::new("Done").right().hide(),
        Column::new("Median").right(),
        Column::new("p95").right(),
        Column::new("Failed here").right(),
    ];
    view! {
        <Card title="Steps" flush=true>
            <Table label="Steps" columns=columns density=Density::Compact>{rows}</Table>
        </Card>
    }
    .into_any()
}

fn people(found: &DeploymentAnalytics, asked: &Asked) -> AnyView {
    let rows = found
        .people
        .iter()
        .cloned()
        .map(|person| {
            let name = match person.name {
                Some(name) => {
                    let href = behind(found, asked, None, Some(&name));
                    view! { <RowLink href=href>{name}</RowLink> }.into_any()
                }
                None => "Automatic".into_any(),
            };
            view! {
                <tr>
                    <Cell long=true>{name}</Cell>
                    <Cell right=true>{person.total}</Cell>
                    <Cell right=true>{person.failed}</Cell>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![Column::new("By"), Column::new("Deployments").right(), Column::new("Failed").right()];
    view! {
        <Card title="Who asked for them" flush=true>
            <Table label="Who asked for them" columns=columns density=Density::Compact>{rows}</Table>
        </Card>
    }
    .into_any()
}

/// Why they were made.
fn reasons(found: &DeploymentAnalytics, asked: &Asked) -> AnyView {
    let rows = found
        .triggers
        .iter()
        .cloned()
        .map(|share| {
            let of = Asked { trigger: Some(share.trigger.as_str().to_owned()), ..asked.clone() };
            let href = behind(found, &of, None, None);
            let (half, most) = took(share.lead_time);
            view! {
                <tr>
                    <Cell><RowLink href=href>{share.trigger.title()}</RowLink></Cell>
                    <Cell right=true>{share.total}</Cell>
                    <Cell right=true>{share.failed}</Cell>
                    <Cell right=true hide=true>{half}</Cell>
                    <Cell right=true hide=true>{most}</Cell>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![
        Column::new("Why"),
        Column::new("Deployments").right(),
        Column::new("Failed").right(),
        Column::new("Lead time").right().hide(),
        Column::new("p95").right().hide(),
    ];
    view! {
        <Card title="Why they were made" flush=true>
            <Table label="Why they were made" columns=columns density=Density::Compact>{rows}</Table>
        </Card>
    }
    .into_any()
}

/// The numbers that the charts draw.
fn days(found: &DeploymentAnalytics, asked: &Asked) -> AnyView {
    let rows = found
        .days
        .iter()
        .rev()
        .filter(|day| day.succeeded + day.failed + day.other > 0)
        .cloned()
        .map(|day| {
            let text = day.day.to_string();
            let of_day = Asked { from: Some(text.clone()), to: Some(text.clone()), cursor: None, ..asked.clone() };
            let took = day.p50_ms.map(|ms| time::duration(i64::try_from(ms).unwrap_or(i64::MAX)));
            let href = of_day.address(HERE);
            view! {
                <tr>
                    <Cell>
                        <RowLink href=href>{text}</RowLink>
                    </Cell>
                    <Cell right=true>{day.succeeded}</Cell>
                    <Cell right=true>{day.failed}</Cell>
                    <Cell right=true hide=true>{day.other}</Cell>
                    <Cell right=true dim=true>{took}</Cell>
                </tr>
            }
        })
        .collect_view();
    let columns = vec![
        Column::new("Day, UTC"),
        Column::new("Succeeded").right(),
        Column::new("Failed").right(),
        Column::new("Others").right().hide(),
        Column::new("Median").right(),
    ];
    view! {
        <Card title="Days" flush=true>
            <Table label="Days" columns=columns density=Density::Compact>{rows}</Table>
        </Card>
    }
    .into_any()
}
