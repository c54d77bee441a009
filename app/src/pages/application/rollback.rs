//! Going back to an earlier deployment: what changes is said first.

use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::pages::address::{known, path_id};
use crate::pages::application_words::{deployment_title, short_commit, summary_title};
use crate::pages::region::subject;
use crate::ui::{
    Button, Card, Checkbox, Code, Crumb, FactRow, FactRows, FormActions, FormBody, Kind, LinkButton, Notice, Page,
    RelativeTime, Tone, Width,
};
use contract::applications::{Application, ApplicationRef};
use contract::deployments::{Deployment, DeploymentRef};
use contract::ids::{ApplicationId, DeploymentId};
use leptos::prelude::*;

type Rollback = Command<api::deployments::RollbackCall>;

#[component]
pub fn RollbackPage() -> impl IntoView {
    let (id, to) = (path_id::<ApplicationId>("id"), path_id::<DeploymentId>("deployment"));
    let rollback = Rollback::new();
    let found = Resource::new(
        move || (id.get(), to.get()),
        |(id, to)| async move {
            futures::try_join!(
                api::applications::get(ApplicationRef { id: known(id)? }),
                api::deployments::get(DeploymentRef { id: known(to)? }),
            )
        },
    );
    subject(found, "The deployment could not be read", move |(application, deployment)| {
        page(&application, &deployment, rollback)
    })
}

fn page(application: &Application, deployment: &Deployment, rollback: Rollback) -> AnyView {
    let here = format!("/applications/{}", application.id);
    let project = format!("/projects/{}", application.project_id);
    let crumbs =
        vec![Crumb::new(application.project_name.clone(), project), Crumb::new(application.name.clone(), here.clone())];
    let title = format!("Roll back to deployment {}", deployment.number);
    let body = if deployment.can_roll_back { preview(application, deployment, rollback, here) } else { gone(here) };
    view! {
        <Page title=title crumbs=crumbs width=Width::Narrow>
            {body}
        </Page>
    }
    .into_any()
}

fn gone(here: String) -> AnyView {
    let action = view! { <LinkButton href=here small=true>"Go back"</LinkButton> };
    view! {
        <Notice tone=Tone::Warn title="One cannot go back to this one" action=action>
            "It did not succeed, it serves already, or its image is no longer on the server. Deploy its commit again instead."
        </Notice>
    }
    .into_any()
}

fn preview(application: &Application, deployment: &Deployment, rollback: Rollback, here: String) -> AnyView {
    let now = match &application.current {
        Some(current) => {
            let commit = current.commit.as_deref().map(|commit| view! { <Code text=short_commit(commit) /> " " });
            view! { {format!("Deployment {}: ", current.number)} {commit} {summary_title(current)} }.into_any()
        }
        None => "Nothing".into_any(),
    };
    let then = {
        let commit = deployment.commit.as_deref().map(|commit| view! { <Code text=short_commit(commit) /> " " });
        view! { {format!("Deployment {}: ", deployment.number)} {commit} {deployment_title(deployment)} }
    };
    let made = deployment.created_at;
    let (id, to) = (application.id.to_string(), deployment.id.to_string());
    let verb = format!("Roll back to deployment {}", deployment.number);
    view! {
        <Card title="What changes" note="Nothing is built: the image of that deployment starts again, is checked, and then serves.">
            <FactRows>
                <FactRow label="Serves now">{now}</FactRow>
                <FactRow label="Serves then">{then}</FactRow>
                <FactRow label="Deployed"><RelativeTime at=made /></FactRow>
                <FactRow label="Variables and port">"As they were with that deployment"</FactRow>
                <FactRow label="Domains">"Those of then as well, where nobody else has them"</FactRow>
                <FactRow label="Settings here">"Stay; the next deployment uses them again"</FactRow>
            </FactRows>
        </Card>
        <OperationForm action=rollback next="/deployments/{id}" refused="It was not rolled back">
            <FormBody>
                <input type="hidden" name="application_id" value=id />
                <input type="hidden" name="deployment_id" value=to />
                <Checkbox
                    name="image_only"
                    label="Image only"
                    hint="Its image with the variables, settings and domains of now."
                />
                <FormActions>
                    <Button kind=Kind::Primary busy=rollback.pending()>{verb}</Button>
                    <LinkButton href=here kind=Kind::Ghost>"Cancel"</LinkButton>
                </FormActions>
            </FormBody>
        </OperationForm>
    }
    .into_any()
}
