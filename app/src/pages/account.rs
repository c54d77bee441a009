//! One's own account: name, password, signed-in browsers, theme.

use super::region::region;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::session::me;
use crate::shell::Theme;
use crate::shell::theme::ThemeChoice;
use crate::ui::{
    Button, Card, Cell, Column, FactRow, FactRows, FormActions, FormBody, Page, PasswordField, Pill, RelativeTime,
    RowActions, SavePill, Table, TextField, Tone, Width,
};
use contract::Empty;
use contract::accounts::{Me, Session};
use leptos::prelude::*;

type Update = Command<api::accounts::UpdateAccountCall>;
type ChangePassword = Command<api::accounts::ChangePasswordCall>;
type Revoke = Command<api::accounts::RevokeSessionCall>;

#[component]
pub fn AccountPage() -> impl IntoView {
    let (update, change, revoke) = (Update::new(), ChangePassword::new(), Revoke::new());
    let account = Resource::new(move || update.version().get(), |_| async move { api::accounts::me(Empty {}).await });
    let sessions = Resource::new(
        move || (revoke.version().get(), change.version().get()),
        |_| async move { api::accounts::list_sessions(Empty {}).await },
    );
    let person = region(account, "Your account could not be read", move |me| person(me, update));
    let sessions = region(sessions, "Your sessions could not be read", move |page| sessions_table(page.items, revoke));
    let theme = use_context::<Theme>().unwrap_or_default();
    view! {
        <Page title="Account" width=Width::Narrow>
            {person}
            {password(change)}
            <Card title="Signed-in browsers" flush=true>
                {sessions}
            </Card>
            <Card title="Appearance">
                <ThemeChoice theme=theme action="/theme" />
            </Card>
        </Page>
    }
    .into_any()
}

fn person(me: Me, update: Update) -> AnyView {
    view! {
        <Card title="You">
            <FactRows>
                <FactRow label="E-mail address">{me.email}</FactRow>
            </FactRows>
            <OperationForm action=update refused="Your name was not changed">
                <FormBody>
                    <TextField
                        name="name"
                        label="Name"
                        value=me.name
                        autocomplete="name"
                        required=true
                        maxlength=80
                        error=field_error(update, "name")
                    />
                    <SavePill busy=update.pending() saved=update.version() />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn password(change: ChangePassword) -> AnyView {
    view! {
        <Card title="Password" note="Changing it signs your other browsers out.">
            <OperationForm action=change refused="Your password was not changed">
                <FormBody>
                    // Nameless: it is not sent, but tells password managers whose password this is.
                    <input type="text" hidden readonly autocomplete="username" value=me().map(|me| me.email) />
                    <PasswordField
                        name="current_password"
                        label="Present password"
                        autocomplete="current-password"
                        required=true
                        error=field_error(change, "current_password")
                    />
                    <PasswordField
                        name="new_password"
                        label="New password"
                        autocomplete="new-password"
                        hint="12 characters or more."
                        minlength=12
                        required=true
                        error=field_error(change, "new_password")
                    />
                    <FormActions>
                        <Button busy=change.pending()>"Change password"</Button>
                        <span role="status" class=style::text::MUTED>
                            {move || change.succeeded().get().then_some("Your password was changed.")}
                        </span>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn sessions_table(sessions: Vec<Session>, revoke: Revoke) -> AnyView {
    let columns = vec![
        Column::new("Browser"),
        Column::new("Address").hide(),
        Column::new("Last seen").right(),
        Column::actions(),
    ];
    let rows = sessions.into_iter().map(|session| session_row(session, revoke)).collect_view();
    view! { <Table label="Signed-in browsers" columns=columns>{rows}</Table> }.into_any()
}

fn session_row(session: Session, revoke: Revoke) -> AnyView {
    let browser = browser_words(session.user_agent.as_deref());
    let address = session.address.unwrap_or_else(|| "Unknown".to_owned());
    let end = if session.current {
        view! { <Pill tone=Tone::Ok text="This browser" /> }.into_any()
    } else {
        let label = format!("Sign out {browser} at {address}");
        let id = session.id.to_string();
        view! {
            <RowActions>
                <OperationForm action=revoke refused="The browser was not signed out">
                    <input type="hidden" name="id" value=id />
                    <Button small=true busy=revoke.pending() label=label>"Sign out"</Button>
                </OperationForm>
            </RowActions>
        }
        .into_any()
    };
    view! {
        <tr>
            <Cell long=true>{browser}</Cell>
            <Cell mono=true dim=true hide=true>{address}</Cell>
            <Cell right=true dim=true>
                <RelativeTime at=session.last_seen_at />
            </Cell>
            <Cell right=true>{end}</Cell>
        </tr>
    }
    .into_any()
}

/// "Firefox on Linux": enough to recognise one's own.
fn browser_words(agent: Option<&str>) -> String {
    let Some(agent) = agent else { return "Unknown browser".to_owned() };
    let named =
        |names: &[(&str, &'static str)]| names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    // The order matters: each of them claims to be those after it.
    let browser = named(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("HeadlessChrome/", "Headless Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
    ]);
    let system = named(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (browser, system) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser_words;

    #[test]
    fn browsers_are_named_by_what_they_are_not_by_what_they_claim() {
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0";
        assert_eq!(browser_words(Some(edge)), "Edge on Windows");
        assert_eq!(browser_words(Some("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Firefox/132.0")), "Firefox on Linux");
        assert_eq!(browser_words(Some("curl/8.5")), "curl/8.5");
        assert_eq!(browser_words(None), "Unknown browser");
    }
}
