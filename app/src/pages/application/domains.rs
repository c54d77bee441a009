//! The domains that lead to an application, what becomes of their visitors, and the state of their certificates.
//! `?edit=` opens the settings of one, `?remove=` asks before one goes.

use super::domain_form::{Forms, add_form, edit_form, remove_form};
use super::domain_words::{certificate_pill, certificate_words, dns_words, settings_words};
use super::{Subject, framed};
use crate::api;
use crate::operation_form::OperationForm;
use crate::pages::address::{address, known, parameter};
use crate::pages::region::region;
use crate::session::may;
use crate::ui::{Button, ButtonRow, Card, Empty, Glyph, Item, Kind, LinkButton, List, Part};
use contract::Page;
use contract::application_domains::{ApplicationDomain, Certificate, ListApplicationDomains};
use contract::applications::Application;
use contract::permissions::Permission;
use leptos::prelude::*;

#[component]
pub fn ApplicationDomainsPage() -> impl IntoView {
    let subject = Subject::new();
    let forms = Forms::new();
    let (edit, remove) = (parameter("edit"), parameter("remove"));
    let changed = forms.changed();
    let domains = Resource::new(
        move || (subject.id.get(), changed.get(), subject.moved.get()),
        |(id, ..)| async move {
            api::application_domains::list(ListApplicationDomains { application_id: known(id)? }).await
        },
    );
    framed(subject, "domains", move |application, _| {
        let application = application.clone();
        region(domains, "The domains could not be read", move |page| {
            let application = application.clone();
            let content = move || body(&application, &page, forms, edit.get(), remove.get());
            view! { {content} }.into_any()
        })
    })
}

fn body(
    application: &Application,
    page: &Page<ApplicationDomain>,
    forms: Forms,
    edit: Option<String>,
    remove: Option<String>,
) -> AnyView {
    let manages = may(Permission::ApplicationsManage);
    let here = format!("/applications/{}/domains", application.id);
    let of = |id: &Option<String>| page.items.iter().find(|domain| Some(domain.id.to_string()) == *id).cloned();
    let form = match (manages, of(&edit), of(&remove)) {
        (false, ..) => None,
        (true, Some(domain), _) => Some(edit_form(&domain, &page.items, &here, forms)),
        (true, None, Some(domain)) => Some(remove_form(&domain, &here, forms)),
        (true, None, None) => Some(add_form(application, &page.items, &here, forms)),
    };
    view! { {list(page, &here, manages, forms)} {form} }.into_any()
}

fn list(page: &Page<ApplicationDomain>, here: &str, manages: bool, forms: Forms) -> AnyView {
    let list = if page.items.is_empty() {
        view! {
            <Empty
                glyph=Glyph::Globe
                title="No domains"
                text="A domain is the host name that visitors type. Point its DNS record at the server, then add it here."
            />
        }
        .into_any()
    } else {
        let items = page.items.iter().map(|domain| item(domain, here, manages, forms)).collect_view();
        view! { <List>{items}</List> }.into_any()
    };
    view! {
        <Card title="Domains" note="What changes here holds at once; nothing is deployed for it." flush=true>
            {list}
        </Card>
    }
    .into_any()
}

fn item(domain: &ApplicationDomain, here: &str, manages: bool, forms: Forms) -> AnyView {
    let title = if domain.path == "/" { domain.host.clone() } else { format!("{}{}", domain.host, domain.path) };
    let mut details = settings_words(domain);
    details.push(certificate_words(&domain.certificate));
    details.extend(dns_words(domain));
    let id = domain.id.to_string();
    let (edit, remove) = (
        format!("{}#domain", address(here, &[("edit", Some(&id))])),
        format!("{}#domain", address(here, &[("remove", Some(&id))])),
    );
    let (open, change, away) = (format!("Open {title}"), format!("Change {title}"), format!("Remove {title}"));
    let failed = matches!(domain.certificate, Certificate::Failed { .. });
    let again = (manages && failed).then(|| {
        let label = format!("Try the certificate of {title} again");
        view! {
            <OperationForm action=forms.retry>
                <input type="hidden" name="id" value=id.clone() />
                <Button small=true label=label busy=forms.retry.pending()>"Try again"</Button>
            </OperationForm>
        }
    });
    let actions = manages.then(|| {
        view! {
            <LinkButton href=edit small=true kind=Kind::Ghost label=change>"Change"</LinkButton>
            <LinkButton href=remove small=true kind=Kind::Danger label=away>"Remove"</LinkButton>
        }
    });
    let state = certificate_pill(&domain.certificate);
    let link = domain.link.clone();
    view! {
        <Item title=title detail=details.join(" · ") state=Part::from(state)>
            <ButtonRow>
                {again}
                <LinkButton href=link small=true kind=Kind::Ghost external=true label=open>"Open"</LinkButton>
                {actions}
            </ButtonRow>
        </Item>
    }
    .into_any()
}
