//! Deployments as rows: on the overview, and with filters and pages on their own tab.

use crate::pages::application_words::{deployment_pill, short_commit, summary_title};
use crate::pages::deployment_row::{below, by};
use crate::session::may;
use crate::ui::{Cell, Code, Column, Elapsed, Kind, LinkButton, RelativeTime, RowActions, RowLink, Table};
use contract::deployments::{DeploymentStatus, DeploymentSummary};
use contract::permissions::Permission;
use leptos::prelude::*;

pub fn deployments_table(deployments: Vec<DeploymentSummary>) -> AnyView {
    let deploys = may(Permission::DeploymentsManage);
    let mut columns = vec![
        Column::new("State"),
        Column::new("Commit").hide(),
        Column::new("Message"),
        Column::new("By").hide(),
        Column::new("Took").right().hide(),
        Column::new("When").right(),
    ];
    if deploys {
        columns.push(Column::actions());
    }
    let rows = deployments.into_iter().map(|one| row(one, deploys)).collect_view();
    view! { <Table label="Deployments" columns=columns>{rows}</Table> }.into_any()
}

fn row(deployment: DeploymentSummary, deploys: bool) -> AnyView {
    let href = format!("/deployments/{}", deployment.id);
    let title = summary_title(&deployment);
    let commit = deployment.commit.as_deref().map(short_commit);
    let author = deployment.commit_author.clone().map(below);
    let took = match (deployment.started_at, deployment.finished_at) {
        (Some(from), Some(ended)) => view! { <Elapsed from=from ended=Some(ended) /> }.into_any(),
        (Some(from), None) if !deployment.status.is_final() => view! { <Elapsed from=from ended=None /> }.into_any(),
        _ => "".into_any(),
    };
    let back = deploys.then(|| {
        let earlier = deployment.status == DeploymentStatus::Succeeded && !deployment.live;
        let href = format!("/applications/{}/rollback/{}", deployment.application_id, deployment.id);
        let label = format!("Roll back to deployment {}", deployment.number);
        let link = earlier.then(|| {
            view! { <RowActions><LinkButton href=href small=true kind=Kind::Ghost label=label>"Roll back"</LinkButton></RowActions> }
        });
        view! { <Cell right=true>{link}</Cell> }
    });
    let by = by(&deployment);
    view! {
        <tr>
            <Cell>{deployment_pill(deployment.status, deployment.step, deployment.live)}</Cell>
            <Cell dim=true hide=true>{commit.map(|commit| view! { <Code text=commit /> })}</Cell>
            <Cell long=true>
                <RowLink href=href>{title}</RowLink>
                {author}
            </Cell>
            <Cell dim=true hide=true>{by}</Cell>
            <Cell right=true dim=true hide=true>{took}</Cell>
            <Cell right=true dim=true>
                <RelativeTime at=deployment.created_at />
            </Cell>
            {back}
        </tr>
    }
    .into_any()
}
