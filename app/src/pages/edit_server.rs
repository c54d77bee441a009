//! A server's name, and how it is reached.

use super::address::{known, path_id};
use super::connection_fields::ConnectionFields;
use super::region::subject;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{Button, Card, Crumb, FormActions, FormBody, Kind, LinkButton, Page, TextField, Width};
use contract::ids::ServerId;
use contract::private_keys::{ListPrivateKeys, PrivateKey};
use contract::servers::{Connection, Server, ServerRef};
use leptos::prelude::*;
use std::sync::Arc;

type Update = Command<api::servers::UpdateCall>;

#[component]
pub fn EditServerPage() -> impl IntoView {
    let id = path_id::<ServerId>("id");
    let update = Update::new();
    let found = Resource::new(
        move || id.get(),
        |id| async move {
            let server = api::servers::get(ServerRef { id: known(id)? }).await?;
            let keys = match server.connection {
                Connection::Local => Vec::new(),
                Connection::Ssh { .. } => {
                    let all = ListPrivateKeys { limit: Some(200), ..Default::default() };
                    api::private_keys::list(all).await?.items
                }
            };
            Ok((server, keys))
        },
    );
    subject(found, "The server could not be read", move |(server, keys)| page(server, keys, update))
}

fn page(server: Server, keys: Vec<PrivateKey>, update: Update) -> AnyView {
    let here = format!("/servers/{}", server.id);
    let crumbs = vec![Crumb::new("Servers", "/servers"), Crumb::new(server.name.clone(), here.clone())];
    let connection = (server.connection != Connection::Local).then(|| {
        let before = server.connection.clone();
        view! { <ConnectionFields keys=keys before=before errors=Arc::new(move |field: &'static str| field_error(update, field)) /> }
    });
    view! {
        <Page title="Edit" crumbs=crumbs width=Width::Narrow>
            <Card note="A machine that moved keeps its host key. Another way to it is checked at once.">
                <OperationForm action=update next="/servers/{id}" refused="The server was not changed">
                    <FormBody>
                        <input type="hidden" name="id" value=server.id.to_string() />
                        <TextField
                            name="name"
                            label="Name"
                            value=server.name
                            required=true
                            maxlength=80
                            error=field_error(update, "name")
                        />
                        {connection}
                        <FormActions>
                            <Button kind=Kind::Primary busy=update.pending()>"Save"</Button>
                            <LinkButton href=here kind=Kind::Ghost>"Cancel"</LinkButton>
                        </FormActions>
                    </FormBody>
                </OperationForm>
            </Card>
        </Page>
    }
    .into_any()
}
