//! What an application is made of and runs with, and the way out. Everything here takes effect with the next deployment.

use super::delete::{DELETE, delete_form};
use super::settings_files::{Files, files_card};
use super::settings_forms::{health_card, name_card, runs_card, source_card};
use super::settings_run::run_card;
use super::{Subject, framed, refusal};
use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::pages::address::parameter;
use crate::pages::application_words::{build_words, source_words};
use crate::pages::region::region;
use crate::pages::source_fields::{Kind as SourceKind, Pack};
use crate::session::may;
use crate::ui::{
    Button, Card, Code, Dialog, DialogLink, FactRow, FactRows, Item, Kind, List, Notice, RelativeTime, Tone,
};
use contract::applications::{Application, ApplicationStatus};
use contract::git_credentials::ListGitCredentials;
use contract::permissions::Permission;
use leptos::prelude::*;

#[component]
pub fn ApplicationSettingsPage() -> impl IntoView {
    let subject = Subject::new();
    let delete = Command::<api::applications::DeleteCall>::new();
    let (source, build) = (parameter("source"), parameter("build"));
    let files = Files::new(subject.id);
    let credentials = Resource::new(
        || (),
        |()| api::git_credentials::list(ListGitCredentials { limit: Some(200), ..Default::default() }),
    );
    framed(subject, "settings", move |found, shown| {
        if !may(Permission::ApplicationsManage) {
            return facts(found);
        }
        let waits = move || {
            shown.with(|application| application.pending_changes && application.current.is_some()).then(|| {
                view! { <Notice tone=Tone::Neutral title="Changes wait for the next deployment">"What serves now runs with what it was deployed with."</Notice> }
            })
        };
        let present = found.clone();
        let source_form = region(credentials, "The credentials could not be read", move |page| {
            let present = present.clone();
            let form = move || {
                let kind =
                    source.get().map_or_else(|| SourceKind::of(&present.source), |kind| SourceKind::parse(Some(&kind)));
                let pack = build.get().map_or_else(|| Pack::of(&present.build), |pack| Pack::parse(Some(&pack)));
                source_card(&present, kind, pack, &page.items, subject.update)
            };
            form.into_any()
        });
        let refused = refusal("Nothing was changed", subject.update);
        view! {
            {refused}
            {waits}
            {name_card(&found, subject.update)}
            {source_form}
            {runs_card(&found, subject.update)}
            {health_card(&found, subject.update)}
            {run_card(&found, subject.update)}
            {files_card(&found, files)}
            {danger(&found, shown, subject, delete)}
        }
        .into_any()
    })
}

/// For those who may look only.
fn facts(application: Application) -> AnyView {
    let health = application.health_check.as_ref().map_or_else(|| "None".to_owned(), |check| check.path.clone());
    view! {
        <Card title="Settings">
            <FactRows>
                <FactRow label="Source">{source_words(&application.source)}</FactRow>
                <FactRow label="Build">{build_words(&application.build)}</FactRow>
                <FactRow label="Port">{application.port}</FactRow>
                <FactRow label="Health check">{health}</FactRow>
                <FactRow label="Memory">{format!("{} MB", application.memory_mb)}</FactRow>
                <FactRow label="Processor">{format!("{} thousandths of a core", application.cpu_millis)}</FactRow>
                <FactRow label="Created"><RelativeTime at=application.created_at /></FactRow>
                <FactRow label="Id"><Code text=application.id.to_string() /></FactRow>
            </FactRows>
        </Card>
    }
    .into_any()
}

fn danger(
    application: &Application,
    shown: Signal<Application>,
    subject: Subject,
    delete: Command<api::applications::DeleteCall>,
) -> AnyView {
    let id = application.id.to_string();
    let status = Memo::new(move |_| shown.with(|application| (application.status, application.current.is_some())));
    let service = move || match status.get() {
        (ApplicationStatus::Stopped, _) => Some(start_item(id.clone(), subject)),
        (_, true) => Some(stop_item(id.clone(), subject)),
        (_, false) => None,
    };
    let href = format!("/applications/{}/delete", application.id);
    let form = delete_form(application, delete, None);
    view! {
        <Card title="Out of service" danger=true flush=true>
            <List>
                {service}
                <Item title="Delete this application" detail="Its containers, images, routes, variables and deployments go with it.">
                    <DialogLink href=href dialog=DELETE kind=Kind::Danger small=true>"Delete application"</DialogLink>
                </Item>
            </List>
            <Dialog id=DELETE title="Delete this application">
                {form}
            </Dialog>
        </Card>
    }
    .into_any()
}

fn stop_item(id: String, subject: Subject) -> AnyView {
    let stop = subject.stop;
    view! {
        <Item title="Stop" detail="Visitors get an error until it is started again; its last version stays ready.">
            <OperationForm action=stop refused="It was not stopped">
                <input type="hidden" name="id" value=id />
                <Button small=true kind=Kind::Danger busy=stop.pending()>"Stop application"</Button>
            </OperationForm>
        </Item>
    }
    .into_any()
}

fn start_item(id: String, subject: Subject) -> AnyView {
    let start = subject.start;
    view! {
        <Item title="Start" detail="Puts its last version back in service.">
            <OperationForm action=start refused="It was not started">
                <input type="hidden" name="id" value=id />
                <Button small=true busy=start.pending()>"Start application"</Button>
            </OperationForm>
        </Item>
    }
    .into_any()
}
