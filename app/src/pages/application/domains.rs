//! The host names that lead to an application. The whole list is sent each time, so adding and removing are one command.

use super::{Subject, framed};
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::may;
use crate::ui::{Button, Card, Empty, FormActions, FormBody, Glyph, Item, Kind, LinkButton, List, TextField};
use contract::applications::Application;
use contract::permissions::Permission;
use leptos::prelude::*;

type Update = Command<api::applications::UpdateCall>;

#[component]
pub fn ApplicationDomainsPage() -> impl IntoView {
    let subject = Subject::new();
    framed(subject, "domains", move |found, _| domains(&found, subject.update))
}

fn domains(application: &Application, update: Update) -> AnyView {
    let manages = may(Permission::ApplicationsManage);
    let list = if application.domains.is_empty() {
        view! {
            <Empty
                glyph=Glyph::Globe
                title="No domains"
                text="A domain is the host name that visitors type. Point its DNS record at the server, then add it here."
            />
        }
        .into_any()
    } else {
        let links = application.links.iter().cloned().chain(std::iter::repeat(String::new()));
        let items = application
            .domains
            .iter()
            .zip(links)
            .map(|(host, link)| {
                let remove = manages.then(|| remove_form(application, host, update));
                let (title, detail, open) = (host.clone(), link.clone(), format!("Open {host}"));
                view! {
                    <Item title=title detail=detail>
                        <LinkButton href=link small=true kind=Kind::Ghost external=true label=open>"Open"</LinkButton>
                        {remove}
                    </Item>
                }
            })
            .collect_view();
        view! { <List>{items}</List> }.into_any()
    };
    let add = manages.then(|| add_form(application, update));
    view! {
        <Card title="Domains" note="What changes here holds at once; nothing is deployed for it." flush=true>
            {list}
        </Card>
        {add}
    }
    .into_any()
}

/// The names that stay, as fields. No name at all is said by one empty field.
fn kept(application: &Application, without: Option<&str>) -> (AnyView, usize) {
    let kept: Vec<&String> = application.domains.iter().filter(|host| Some(host.as_str()) != without).collect();
    let count = kept.len();
    let mut fields: Vec<(usize, String)> = kept.into_iter().cloned().enumerate().collect();
    if without.is_some() && fields.is_empty() {
        fields.push((0, String::new()));
    }
    let fields = fields
        .into_iter()
        .map(|(index, host)| view! { <input type="hidden" name=format!("domains[{index}]") value=host /> })
        .collect_view();
    (fields.into_any(), count)
}

fn remove_form(application: &Application, host: &str, update: Update) -> AnyView {
    let (fields, _) = kept(application, Some(host));
    let (id, label) = (application.id.to_string(), format!("Remove {host}"));
    view! {
        <OperationForm action=update>
            <input type="hidden" name="id" value=id />
            {fields}
            <Button small=true kind=Kind::Danger label=label busy=update.pending()>"Remove"</Button>
        </OperationForm>
    }
    .into_any()
}

fn add_form(application: &Application, update: Update) -> AnyView {
    let (fields, count) = kept(application, None);
    let id = application.id.to_string();
    view! {
        <Card title="Add a domain">
            <OperationForm action=update refused="The domain was not added">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    {fields}
                    <TextField
                        name=format!("domains[{count}]")
                        label="Host name"
                        placeholder="shop.example.com"
                        hint="Names that end in .localhost lead to your own machine."
                        required=true
                        mono=true
                        error=field_error(update, format!("domains.{count}"))
                    />
                    <FormActions>
                        <Button kind=Kind::Primary busy=update.pending()>"Add domain"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
