//! The fields of a connection over SSH, as adding and changing a server both ask for them.

use crate::ui::{CodeBlock, FormPair, NumberField, SelectField, TextField};
use contract::private_keys::PrivateKey;
use contract::servers::{Connection, Jump};
use leptos::prelude::*;

type Errors = std::sync::Arc<dyn Fn(&'static str) -> Signal<Option<String>> + Send + Sync>;

/// `errors`: what the field of this name was refused for. What the machine needs is shown beside them: the line of the
/// chosen key, of every key where the program does not run.
#[component]
pub(super) fn ConnectionFields(
    keys: Vec<PrivateKey>,
    #[prop(optional)] before: Option<Connection>,
    errors: Errors,
) -> impl IntoView {
    let (host, port, user, key, jump) = match before {
        Some(Connection::Ssh { host, port, user, private_key_id, jump }) => {
            (host, port, user, private_key_id.to_string(), jump)
        }
        _ => (String::new(), 22, "root".to_owned(), String::new(), None),
    };
    let options: Vec<_> = keys.iter().map(|key| (key.id.to_string(), key.name.clone())).collect();
    let first = options.first().map(|(id, _)| id.clone()).unwrap_or_default();
    let chosen = RwSignal::new(if key.is_empty() { first } else { key.clone() });
    let (host_error, port_error) = (errors("connection.host"), errors("connection.port"));
    let (user_error, key_error) = (errors("connection.user"), errors("connection.private_key_id"));
    let jump = jump_fields(jump, options.clone(), &errors);
    let lines = lines(keys, chosen);
    view! {
        <input type="hidden" name="connection[kind]" value="ssh" />
        <FormPair>
            <TextField
                name="connection[host]"
                label="Host"
                value=host
                placeholder="203.0.113.10"
                required=true
                mono=true
                error=host_error
            />
            <NumberField
                name="connection[port]"
                label="Port"
                value=i64::from(port)
                min=1
                max=65535
                required=true
                error=port_error
            />
        </FormPair>
        <FormPair>
            <TextField
                name="connection[user]"
                label="User"
                value=user
                hint="root, or one in the group docker."
                required=true
                mono=true
                error=user_error
            />
            <SelectField
                name="connection[private_key_id]"
                label="Key"
                options=options
                value=key
                required=true
                error=key_error
                on_change=Callback::new(move |id| chosen.set(id))
            />
        </FormPair>
        {lines}
        {jump}
    }
}

fn lines(keys: Vec<PrivateKey>, chosen: RwSignal<String>) -> AnyView {
    let running = RwSignal::new(false);
    Effect::new(move |_| running.set(true));
    let several = keys.len() > 1;
    let lines = keys
        .into_iter()
        .map(|key| {
            let id = key.id.to_string();
            view! {
                <div hidden=move || running.get() && chosen.get() != id>
                    {several.then(|| view! { <small class=style::text::MUTED>{key.name.clone()}</small> })}
                    <CodeBlock text=key.public_key wrap=true />
                </div>
            }
        })
        .collect_view();
    view! {
        <div>
            <p class=style::text::DIM>"On the machine, add this line to ~/.ssh/authorized_keys of that user:"</p>
            {lines}
        </div>
    }
    .into_any()
}

fn jump_fields(jump: Option<Jump>, options: Vec<(String, String)>, errors: &Errors) -> AnyView {
    let open = jump.is_some();
    let (host, port, user, key) = match jump {
        Some(jump) => (jump.host, jump.port, jump.user, jump.private_key_id.to_string()),
        None => (String::new(), 22, "root".to_owned(), String::new()),
    };
    let (host_error, port_error) = (errors("connection.jump.host"), errors("connection.jump.port"));
    let (user_error, key_error) = (errors("connection.jump.user"), errors("connection.jump.private_key_id"));
    view! {
        <details class=style::form::MORE open=open>
            <summary>"Through a jump host"</summary>
            <p class=style::text::DIM>
                "A machine in between, for servers that are not reached directly. Leave its host empty for none."
            </p>
            <FormPair>
                <TextField
                    name="connection[jump][host]"
                    label="Jump host"
                    value=host
                    optional=true
                    mono=true
                    error=host_error
                />
                <NumberField
                    name="connection[jump][port]"
                    label="Its port"
                    value=i64::from(port)
                    min=1
                    max=65535
                    error=port_error
                />
            </FormPair>
            <FormPair>
                <TextField
                    name="connection[jump][user]"
                    label="Its user"
                    value=user
                    mono=true
                    error=user_error
                />
                <SelectField
                    name="connection[jump][private_key_id]"
                    label="Its key"
                    options=options
                    value=key
                    error=key_error
                />
            </FormPair>
        </details>
    }
    .into_any()
}
