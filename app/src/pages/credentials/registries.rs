//! Credentials of registries: the list, and making one.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::{address, count};
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, Code, Column, Empty, FilterBar, FormActions, FormBody, FormPair, Glyph, Kind, Pager,
    PasswordField, RelativeTime, Table, TextField,
};
use contract::permissions::Permission;
use contract::registry_credentials::RegistryCredential;
use leptos::prelude::*;

const HERE: &str = "/credentials/registries";

type Create = Command<api::registry_credentials::CreateCall>;
type Delete = Command<api::registry_credentials::DeleteCall>;

pub fn list(page: contract::Page<RegistryCredential>, search: Option<String>, later: bool, delete: Delete) -> AnyView {
    if page.items.is_empty() && search.is_none() && !later {
        return view! {
            <Card flush=true>
                <Empty
                    glyph=Glyph::Box
                    title="No registries"
                    text="Private images, and private base images of builds, are pulled with a registry's user name and password. Public ones need none."
                />
            </Card>
        }
        .into_any();
    }
    let (shown, more) = (page.items.len(), page.next_cursor.is_some());
    let shown = if shown == 1 && !more { "1 registry".to_owned() } else { count(shown, "credential", more) };
    let next = page.next_cursor.map(|cursor| address(HERE, &[("q", search.as_deref()), ("cursor", Some(&cursor))]));
    let first = later.then(|| address(HERE, &[("q", search.as_deref())]));
    let manages = may(Permission::PrivateKeysManage);
    let mut columns = vec![Column::new("Registry"), Column::new("User name"), Column::new("Made").right().hide()];
    if manages {
        columns.push(Column::actions());
    }
    let nothing = page.items.is_empty();
    let rows = page.items.into_iter().map(|one| row(one, manages.then_some(delete))).collect_view();
    view! {
        <Card flush=true>
            <FilterBar action=HERE placeholder="Registry" query=search.unwrap_or_default() />
            {if nothing {
                view! { <Empty glyph=Glyph::Search title="No registry matches" text="Search for another part of the name, or clear the search." /> }
                    .into_any()
            } else {
                view! { <Table label="Registries" columns=columns>{rows}</Table> }.into_any()
            }}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

fn row(credential: RegistryCredential, delete: Option<Delete>) -> AnyView {
    let actions = delete.map(|delete| {
        let (id, label) = (credential.id.to_string(), format!("Delete the credential of {}", credential.host));
        view! {
            <Cell right=true>
                <OperationForm action=delete refused="The credential was not deleted">
                    <input type="hidden" name="id" value=id />
                    <Button small=true kind=Kind::Danger label=label busy=delete.pending()>"Delete"</Button>
                </OperationForm>
            </Cell>
        }
    });
    view! {
        <tr>
            <Cell><Code text=credential.host /></Cell>
            <Cell dim=true>{credential.username}</Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=credential.created_at /></Cell>
            {actions}
        </tr>
    }
    .into_any()
}

pub fn form(create: Create) -> Option<AnyView> {
    let view = view! {
        <Card title="Add a registry">
            <OperationForm action=create refused="The registry was not added">
                <FormBody>
                    <TextField
                        name="host"
                        label="Registry"
                        placeholder="ghcr.io"
                        hint="As image names begin with it; docker.io is Docker Hub."
                        required=true
                        mono=true
                        error=field_error(create, "host")
                    />
                    <FormPair>
                        <TextField
                            name="username"
                            label="User name"
                            required=true
                            mono=true
                            autocomplete="off"
                            error=field_error(create, "username")
                        />
                        <PasswordField
                            name="password"
                            label="Password or token"
                            autocomplete="off"
                            hint="Stored sealed and never shown."
                            required=true
                            error=field_error(create, "password")
                        />
                    </FormPair>
                    <FormActions>
                        <Button kind=Kind::Primary busy=create.pending()>"Add registry"</Button>
                    </FormActions>
                </FormBody>
            </OperationForm>
        </Card>
    };
    may(Permission::PrivateKeysManage).then(|| view.into_any())
}
