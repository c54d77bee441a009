//! What serves, where, what waits, and the newest deployments.

use super::table::deployments_table;
use super::{Subject, deploy_form, framed};
use crate::api;
use crate::pages::address::{known, parameter};
use crate::pages::application_words::{deployment_words, short_commit, step_title};
use crate::pages::region::{Answer, region};
use crate::session::may;
use crate::ui::{
    Card, Code, CodeBlock, Empty, Fact, Facts, FilterBar, Glyph, Kind, LinkButton, Notice, RelativeTime, Tone,
};
use contract::Page;
use contract::applications::Application;
use contract::deployments::{DeploymentStatus, DeploymentSummary, ListDeployments};
use contract::permissions::Permission;
use leptos::prelude::*;

/// Rows on the overview; all of them are a tab away.
const SHOWN: u32 = 10;

#[component]
pub fn ApplicationPage() -> impl IntoView {
    let subject = Subject::new();
    let search = parameter("q");
    let deployments = Resource::new(
        move || (subject.id.get(), search.get(), subject.moved.get()),
        |(id, search, _)| async move {
            let application_id = Some(known(id)?);
            let input = ListDeployments { application_id, search, limit: Some(SHOWN), ..Default::default() };
            api::deployments::list(input).await
        },
    );
    framed(subject, "", move |found, shown| overview(&found, shown, subject, deployments, search))
}

fn overview(
    found: &Application,
    shown: Signal<Application>,
    subject: Subject,
    deployments: Answer<Page<DeploymentSummary>>,
    search: Memo<Option<String>>,
) -> AnyView {
    let id = found.id.to_string();
    let here = format!("/applications/{id}");
    let list =
        region(deployments, "The deployments could not be read", move |page| list(page, &here, search.get_untracked()));
    view! {
        {move || shown.with(trouble)}
        {move || shown.with(news)}
        {move || shown.with(|application| facts(application, subject))}
        {list}
    }
    .into_any()
}

/// Why it keeps restarting or does not run, with what it said last.
fn trouble(application: &Application) -> Option<AnyView> {
    let trouble = application.trouble.as_ref()?;
    let (title, tone) =
        if trouble.looping { ("It keeps restarting", Tone::Warn) } else { ("It does not run", Tone::Bad) };
    let logs = format!("/applications/{}/logs", application.id);
    let action = view! { <LinkButton href=logs small=true>"See the log"</LinkButton> };
    let said =
        (!trouble.last_lines.is_empty()).then(|| view! { <CodeBlock text=trouble.last_lines.join("\n") wrap=true /> });
    let (words, since) = (trouble.words.clone(), trouble.since);
    Some(
        view! {
            <Notice tone=tone title=title action=action>
                {words} " Since " <RelativeTime at=since /> "." {said}
            </Notice>
        }
        .into_any(),
    )
}

/// What the newest deployment is doing, or why it failed.
fn news(application: &Application) -> Option<AnyView> {
    let latest = application.latest.as_ref()?;
    let href = format!("/deployments/{}", latest.id);
    match latest.status {
        DeploymentStatus::Queued | DeploymentStatus::Running => {
            let (_, words) = deployment_words(latest.status, latest.step, false);
            let title = format!("Deployment {}: {}", latest.number, words.to_lowercase());
            let serves =
                if application.current.is_some() { "What serves now keeps serving until it is healthy." } else { "" };
            let action = view! { <LinkButton href=href small=true>"Watch"</LinkButton> };
            Some(view! { <Notice tone=Tone::Busy title=title action=action>{serves}</Notice> }.into_any())
        }
        DeploymentStatus::Failed => {
            let title = match &latest.failure {
                Some(failure) => {
                    format!("Deployment {} failed at {}", latest.number, step_title(failure.step).to_lowercase())
                }
                None => format!("Deployment {} failed", latest.number),
            };
            let reason = latest.failure.as_ref().map(|failure| failure.reason.clone());
            let action = view! { <LinkButton href=href small=true>"See why"</LinkButton> };
            Some(view! { <Notice tone=Tone::Warn title=title action=action>{reason}</Notice> }.into_any())
        }
        _ => None,
    }
}

fn facts(application: &Application, subject: Subject) -> AnyView {
    let serving = match &application.current {
        Some(current) => {
            let name = match &current.commit {
                Some(commit) => view! { <Code text=short_commit(commit) /> }.into_any(),
                None => format!("Deployment {}", current.number).into_any(),
            };
            let server = application.server_name.clone();
            view! { <a href=format!("/deployments/{}", current.id)>{name}</a> " on " {server} }.into_any()
        }
        None => "Nothing yet".into_any(),
    };
    let link = application.links.first().zip(application.domains.first());
    let more = application.links.len().saturating_sub(1);
    let domain = match link {
        Some((link, host)) => {
            let (link, host) = (link.clone(), host.clone());
            let more = (more > 0).then(|| format!(" and {more} more"));
            view! { <a href=link target="_blank" rel="noopener">{host}</a> {more} }.into_any()
        }
        None => {
            let href = format!("/applications/{}/domains", application.id);
            view! { <a href=href>"Add one"</a> }.into_any()
        }
    };
    let limits = format!("Port {}, {} MB", application.port, application.memory_mb);
    let id = application.id.to_string();
    let pending = if application.pending_changes {
        let deploys = may(Permission::DeploymentsManage) && application.current.is_some();
        let apply = deploys.then(|| deploy_form(id, subject, "Deploy to apply", Kind::Plain, true));
        view! { <span class=style::apps::INLINE>"Changed" {apply}</span> }.into_any()
    } else if application.current.is_some() {
        "As deployed".into_any()
    } else {
        "Not deployed yet".into_any()
    };
    let gap = application.overlap.reason.clone().filter(|_| application.current.is_some()).map(|reason| {
        view! { <Notice title="A deployment interrupts this application for a moment">{reason}</Notice> }
    });
    view! {
        {gap}
        <Card flush=true>
            <Facts>
                <Fact label="Serving">{serving}</Fact>
                <Fact label="Domain">{domain}</Fact>
                <Fact label="Runs with">{limits}</Fact>
                <Fact label="Configuration">{pending}</Fact>
            </Facts>
        </Card>
    }
    .into_any()
}

fn list(page: Page<DeploymentSummary>, here: &str, search: Option<String>) -> AnyView {
    if page.items.is_empty() && search.is_none() {
        return view! {
            <Card flush=true>
                <Empty
                    glyph=Glyph::Rocket
                    title="Not deployed yet"
                    text="A deployment fetches the source, builds it, starts it, checks it and then leads visitors to it. Deploy to begin."
                />
            </Card>
        }
        .into_any();
    }
    let count = match (page.items.len(), page.next_cursor.is_some()) {
        (count, true) => format!("the newest {count}"),
        (count, false) => count.to_string(),
    };
    let (action, all) = (here.to_owned(), format!("{here}/deployments"));
    let table = if page.items.is_empty() {
        view! { <Empty glyph=Glyph::Search title="No deployment matches" text="Search for part of a commit or of its message." /> }
            .into_any()
    } else {
        deployments_table(page.items)
    };
    let tools = view! { <LinkButton href=all small=true kind=Kind::Ghost>"All deployments"</LinkButton> };
    view! {
        <Card title="Deployments" count=count flush=true tools=tools>
            <FilterBar action=action placeholder="Commit or message" query=search.unwrap_or_default() />
            {table}
        </Card>
    }
    .into_any()
}
