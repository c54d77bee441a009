//! The forms of the domains' page: adding one, changing one, and the question before one is removed.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::success::successes;
use crate::ui::{
    Button, Card, Checkbox, FormActions, FormBody, FormPair, Kind, LinkButton, PasswordField, SelectField, TextArea,
    TextField,
};
use contract::application_domains::{ApplicationDomain, Header};
use contract::applications::Application;
use leptos::prelude::*;

/// What may be done to domains.
#[derive(Clone, Copy)]
pub(super) struct Forms {
    add: Command<api::application_domains::AddCall>,
    update: Command<api::application_domains::UpdateCall>,
    remove: Command<api::application_domains::RemoveCall>,
    pub retry: Command<api::application_domains::RetryCall>,
}

impl Forms {
    pub fn new() -> Self {
        Self { add: Command::new(), update: Command::new(), remove: Command::new(), retry: Command::new() }
    }

    /// How often the list has become another one.
    pub fn changed(self) -> Memo<usize> {
        let all = [successes(self.add), successes(self.update), successes(self.remove), successes(self.retry)];
        Memo::new(move |_| all.iter().map(|count| count.get()).sum())
    }
}

pub(super) fn add_form(application: &Application, domains: &[ApplicationDomain], here: &str, forms: Forms) -> AnyView {
    let add = forms.add;
    let id = application.id.to_string();
    let next = here.to_owned();
    let targets = targets(domains, None);
    let redirect = (targets.len() > 1).then(|| {
        view! {
            <SelectField
                name="redirect_to"
                label="Redirect to"
                options=targets
                optional=true
                hint="Visitors are sent there instead, with the path that they asked for."
                error=field_error(add, "redirect_to")
            />
        }
    });
    view! {
        <Card title="Add a domain" id="domain">
            <OperationForm action=add next=next refused="The domain was not added">
                <FormBody>
                    <input type="hidden" name="application_id" value=id />
                    <FormPair>
                        <TextField
                            name="host"
                            label="Host name"
                            placeholder="shop.example.com"
                            hint="Names that end in .localhost lead to your own machine."
                            required=true
                            mono=true
                            error=field_error(add, "host")
                        />
                        <TextField
                            name="path"
                            label="Path"
                            placeholder="/"
                            hint="Only requests below it. Another application of yours may have the rest of the host."
                            optional=true
                            mono=true
                            error=field_error(add, "path")
                        />
                    </FormPair>
                    {redirect}
                    <Checkbox name="strip_prefix" label="Take the path away" hint="The application sees /users where the visitor asked for /api/users." />
                    <FormActions>
                        <Button kind=Kind::Primary busy=add.pending()>"Add domain"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

/// The application's other hosts that lead somewhere themselves, after none.
fn targets(domains: &[ApplicationDomain], of: Option<&ApplicationDomain>) -> Vec<(String, String)> {
    let mut targets = vec![(String::new(), "Nowhere: the application answers".to_owned())];
    for domain in domains {
        let own = of.is_some_and(|of| of.host == domain.host);
        if !own && domain.redirect_to.is_none() && !targets.iter().any(|(host, _)| *host == domain.host) {
            targets.push((domain.host.clone(), domain.host.clone()));
        }
    }
    targets
}

fn yes_or_no(yes: &str, no: &str) -> Vec<(String, String)> {
    vec![("true".to_owned(), yes.to_owned()), ("false".to_owned(), no.to_owned())]
}

pub(super) fn edit_form(
    domain: &ApplicationDomain,
    domains: &[ApplicationDomain],
    here: &str,
    forms: Forms,
) -> AnyView {
    let update = forms.update;
    let (id, next) = (domain.id.to_string(), here.to_owned());
    let cancel = here.to_owned();
    let title = format!("Change {}{}", domain.host, if domain.path == "/" { "" } else { &domain.path });
    let strip = (domain.path != "/").then(|| {
        let stripped = domain.strip_prefix.to_string();
        view! {
            <SelectField
                name="strip_prefix"
                label="Path"
                options=yes_or_no("Taken away before the application sees it", "Left as the visitor asked for it")
                value=stripped
            />
        }
    });
    let (auth_hint, let_in) = match &domain.basic_auth_user {
        Some(_) => (
            "Leave both empty to keep them. The password is not shown.",
            Some(view! { <Checkbox name="remove_basic_auth" label="Let everybody in" /> }),
        ),
        None => ("Only who knows both is let in. Leave them empty to let everybody in.", None),
    };
    let (port, request, response) = (
        domain.port.map(|port| port.to_string()).unwrap_or_default(),
        lines(&domain.request_headers),
        lines(&domain.response_headers),
    );
    let user = domain.basic_auth_user.clone().unwrap_or_default();
    let targets = targets(domains, Some(domain));
    let target = domain.redirect_to.clone().unwrap_or_default();
    let (permanent, forced) = (domain.redirect_permanent.to_string(), domain.force_https.to_string());
    view! {
        <Card title=title id="domain">
            <OperationForm action=update next=next refused="The domain was not changed">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <FormPair>
                        <SelectField
                            name="redirect_to"
                            label="Redirect to"
                            options=targets
                            value=target
                            hint="Visitors are sent there instead, with the path that they asked for."
                            error=field_error(update, "redirect_to")
                        />
                        <SelectField
                            name="redirect_permanent"
                            label="The redirect holds"
                            options=yes_or_no("For good (301, 308)", "For now (302, 307)")
                            value=permanent
                        />
                    </FormPair>
                    <FormPair>
                        <SelectField
                            name="force_https"
                            label="HTTPS"
                            options=yes_or_no("Forced while the certificate is valid", "Offered beside HTTP")
                            value=forced
                        />
                        <TextField
                            name="port"
                            label="Container port"
                            value=port
                            hint="Empty: the application's own."
                            optional=true
                            mono=true
                            error=field_error(update, "port")
                        />
                    </FormPair>
                    {strip}
                    <FormPair>
                        <TextField
                            name="basic_auth[user]"
                            label="User name"
                            placeholder=user
                            hint=auth_hint
                            autocomplete="off"
                            optional=true
                            error=field_error(update, "basic_auth.user")
                        />
                        <PasswordField
                            name="basic_auth[password]"
                            label="Password"
                            autocomplete="new-password"
                            hint="12 to 72 characters."
                            error=field_error(update, "basic_auth.password")
                        />
                    </FormPair>
                    {let_in}
                    <TextArea
                        name="request_headers"
                        label="Headers for the application"
                        value=request
                        placeholder="X-Tenant: blue"
                        hint="Name: value, one on each line. Without a value the header is taken away."
                        rows=3
                        mono=true
                        wide=true
                        optional=true
                        error=header_error(update, "request_headers")
                    />
                    <TextArea
                        name="response_headers"
                        label="Headers for visitors"
                        value=response
                        placeholder="X-Robots-Tag: noindex"
                        rows=3
                        mono=true
                        wide=true
                        optional=true
                        error=header_error(update, "response_headers")
                    />
                    <FormActions>
                        <Button kind=Kind::Primary busy=update.pending()>"Save"</Button>
                        <LinkButton href=cancel kind=Kind::Ghost>"Cancel"</LinkButton>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn lines(headers: &[Header]) -> String {
    headers.iter().map(|header| format!("{}: {}", header.name, header.value)).collect::<Vec<_>>().join("\n")
}

/// The first line that is wrong, whichever it is.
fn header_error<O: 'static>(command: Command<O>, field: &'static str) -> Signal<Option<String>> {
    let failure = command.failure();
    Signal::derive(move || {
        let errors = failure.get()?.0.errors;
        let error = errors.into_iter().find(|error| error.field.starts_with(field))?;
        let line = error.field.split('.').nth(1).and_then(|index| index.parse::<usize>().ok());
        Some(line.map_or(error.message.clone(), |line| format!("Line {}: {}", line + 1, error.message)))
    })
}

pub(super) fn remove_form(domain: &ApplicationDomain, here: &str, forms: Forms) -> AnyView {
    let (id, next, cancel) = (domain.id.to_string(), here.to_owned(), here.to_owned());
    let title = format!("Remove {}{}?", domain.host, if domain.path == "/" { "" } else { &domain.path });
    view! {
        <Card title=title danger=true id="domain">
            <OperationForm action=forms.remove next=next refused="The domain was not removed">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <p>
                        "Its visitors get no answer from this application any more, and its settings are gone. The DNS record and the application stay."
                    </p>
                    <FormActions>
                        <Button kind=Kind::Danger busy=forms.remove.pending()>"Remove domain"</Button>
                        <LinkButton href=cancel kind=Kind::Ghost>"Cancel"</LinkButton>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}
