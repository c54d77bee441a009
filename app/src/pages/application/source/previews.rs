//! The previews of an application: the switch, and those there are.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::application_words::status_pill;
use crate::pages::success::successes;
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Checkbox, Column, Empty, FormBody, FormPair, Glyph, Kind, LinkButton, NumberField, Pill,
    RelativeTime, RowLink, SavePill, Table, TextField, Tone,
};
use contract::Page;
use contract::permissions::Permission;
use contract::previews::{Preview, PreviewSettings, PreviewStatus};
use leptos::prelude::*;

type Set = Command<api::previews::SetSettingsCall>;
type Approve = Command<api::previews::ApproveCall>;
type Delete = Command<api::previews::DeleteCall>;

pub fn cards(settings: PreviewSettings, page: Page<Preview>, set: Set, approve: Approve, delete: Delete) -> AnyView {
    let enabled = settings.enabled;
    let form = may(Permission::ApplicationsManage).then(|| form(settings, set));
    let list = if page.items.is_empty() {
        enabled.then(|| {
            view! {
                <Card title="Previews" flush=true>
                    <Empty
                        glyph=Glyph::Branch
                        title="No previews"
                        text="A pull request into the application's branch gets one as soon as it is opened or pushed to."
                    />
                </Card>
            }
            .into_any()
        })
    } else {
        Some(list(page.items, approve, delete))
    };
    view! { {list} {form} }.into_any()
}

fn list(previews: Vec<Preview>, approve: Approve, delete: Delete) -> AnyView {
    let columns = vec![
        Column::new("Pull request"),
        Column::new("State"),
        Column::new("Pushed").right().hide(),
        Column::actions(),
    ];
    let rows = previews.into_iter().map(|one| row(one, approve, delete)).collect_view();
    view! {
        <Card title="Previews" flush=true>
            <Table label="Previews" columns=columns>{rows}</Table>
        </Card>
    }
    .into_any()
}

fn row(preview: Preview, approve: Approve, delete: Delete) -> AnyView {
    let title = format!("{}: {}", preview.number, preview.title);
    let what = match preview.preview_application_id {
        Some(id) => view! { <RowLink href=format!("/applications/{id}")>{title}</RowLink> }.into_any(),
        None => title.into_any(),
    };
    let from = if preview.fork { " from a fork" } else { "" };
    let detail = format!("{} by {}{from}", preview.branch, preview.by);
    let waiting = preview.status == PreviewStatus::Waiting;
    let state = match preview.application_status {
        _ if waiting => view! { <Pill tone=Tone::Warn text="Waits for approval" /> }.into_any(),
        Some(status) => status_pill(status).into_any(),
        None => view! { <Pill text="Being removed" /> }.into_any(),
    };
    let open = preview.link.map(|link| {
        let label = format!("Open the preview of {}", preview.number);
        view! { <LinkButton href=link small=true kind=Kind::Ghost external=true label=label>"Open"</LinkButton> }
    });
    let id = preview.id.to_string();
    let deploys = may(Permission::DeploymentsManage);
    let approves = (deploys && waiting).then(|| {
        let (id, label) = (id.clone(), format!("Approve {}", preview.number));
        view! {
            <OperationForm action=approve refused="It was not approved">
                <input type="hidden" name="id" value=id />
                <Button small=true label=label busy=approve.pending()>"Approve this commit"</Button>
            </OperationForm>
        }
    });
    let removes = deploys.then(|| {
        let label = format!("Remove the preview of {}", preview.number);
        view! {
            <OperationForm action=delete refused="It was not removed">
                <input type="hidden" name="id" value=id />
                <Button small=true kind=Kind::Danger label=label busy=delete.pending()>"Remove"</Button>
            </OperationForm>
        }
    });
    view! {
        <tr>
            <Cell long=true>
                {what}
                <small class=format!("{} {}", style::text::MUTED, style::text::BELOW)>{detail}</small>
            </Cell>
            <Cell>{state}</Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=preview.pushed_at /></Cell>
            <Cell right=true>
                <span class=style::apps::ROW_ACTIONS>{open} {approves} {removes}</span>
            </Cell>
        </tr>
    }
    .into_any()
}

fn form(settings: PreviewSettings, set: Set) -> AnyView {
    let id = settings.application_id.to_string();
    let template = settings.host_template.unwrap_or_default();
    view! {
        <Card
            title="Previews of pull requests"
            note="Each has a host and the preview variables of its own; it never gets the variables of production. What comes from a fork waits until a member approves it."
        >
            <OperationForm action=set refused="The previews were not changed">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    <Checkbox name="enabled" label="A preview for each pull request" checked=settings.enabled />
                    <FormPair>
                        <TextField
                            name="host_template"
                            label="Host"
                            value=template
                            placeholder="pr-{number}-{name}.{domain}"
                            hint="{domain} is the application's first domain."
                            optional=true
                            mono=true
                            error=field_error(set, "host_template")
                        />
                        <NumberField
                            name="ttl_hours"
                            label="Hours to keep"
                            value=i64::from(settings.ttl_hours.unwrap_or(168))
                            min=1
                            max=8760
                            hint="Counted from the last push."
                            required=true
                            error=field_error(set, "ttl_hours")
                        />
                    </FormPair>
                    <SavePill busy=set.pending() saved=successes(set) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
