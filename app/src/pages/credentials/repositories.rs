//! Credentials of repositories: the list with the public halves of deploy keys, and making one.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::{address, count};
use crate::session::may;
use crate::ui::{
    Button, Card, Cell, CodeBlock, Column, Empty, FilterBar, FormActions, FormBody, FormPair, Glyph, Kind, LinkButton,
    Pager, PasswordField, RelativeTime, Tab, Table, Tabs, TextField,
};
use contract::git_credentials::{GitCredential, GitCredentialKind};
use contract::permissions::Permission;
use leptos::prelude::*;

const HERE: &str = "/credentials";

type Create = Command<api::git_credentials::CreateCall>;
type Delete = Command<api::git_credentials::DeleteCall>;

pub fn list(page: contract::Page<GitCredential>, search: Option<String>, later: bool, delete: Delete) -> AnyView {
    if page.items.is_empty() && search.is_none() && !later {
        return view! {
            <Card flush=true>
                <Empty
                    glyph=Glyph::Key
                    title="No credentials of repositories"
                    text="Private repositories are read with a token over https, or with a deploy key over SSH. Public ones need none."
                />
            </Card>
        }
        .into_any();
    }
    let shown = count(page.items.len(), "credential", page.next_cursor.is_some());
    let next = page.next_cursor.map(|cursor| address(HERE, &[("q", search.as_deref()), ("cursor", Some(&cursor))]));
    let first = later.then(|| address(HERE, &[("q", search.as_deref())]));
    let manages = may(Permission::PrivateKeysManage);
    let mut columns = vec![Column::new("Name"), Column::new("Kind"), Column::new("Made").right().hide()];
    if manages {
        columns.push(Column::actions());
    }
    let nothing = page.items.is_empty();
    let rows = page.items.into_iter().map(|one| row(one, manages.then_some(delete))).collect_view();
    view! {
        <Card flush=true>
            <FilterBar action=HERE placeholder="Name" query=search.unwrap_or_default() />
            {if nothing {
                view! { <Empty glyph=Glyph::Search title="No credential matches" text="Search for another part of the name, or clear the search." /> }
                    .into_any()
            } else {
                view! { <Table label="Credentials of repositories" columns=columns>{rows}</Table> }.into_any()
            }}
            <Pager shown=shown first=first next=next />
        </Card>
    }
    .into_any()
}

pub fn kind_words(kind: GitCredentialKind) -> &'static str {
    match kind {
        GitCredentialKind::Token => "Token over https",
        GitCredentialKind::DeployKey => "Deploy key over SSH",
        GitCredentialKind::GithubApp => "GitHub App",
    }
}

fn row(credential: GitCredential, delete: Option<Delete>) -> AnyView {
    let name = credential.name.clone();
    let key = credential.public_key.map(|key| view! { <CodeBlock text=key wrap=true /> });
    let install = credential.url.map(|url| {
        let href = format!("{url}/installations/new");
        view! { <LinkButton href=href small=true kind=Kind::Ghost external=true>"Choose its repositories"</LinkButton> }
    });
    let actions = delete.map(|delete| {
        let (id, label) = (credential.id.to_string(), format!("Delete {name}"));
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
            <Cell long=true>
                {credential.name}
                {key}
                {install}
            </Cell>
            <Cell dim=true>{kind_words(credential.kind)}</Cell>
            <Cell right=true dim=true hide=true><RelativeTime at=credential.created_at /></Cell>
            {actions}
        </tr>
    }
    .into_any()
}

/// For a token or a deploy key, by the address.
pub fn form(deploy_key: bool, create: Create) -> Option<AnyView> {
    if !may(Permission::PrivateKeysManage) {
        return None;
    }
    let key = address(HERE, &[("add", Some("deploy_key"))]);
    let current = if deploy_key { key.clone() } else { HERE.to_owned() };
    let kinds = vec![Tab::new("Token", HERE), Tab::new("Deploy key", key)];
    let (kind, fields) = if deploy_key { ("deploy_key", key_fields()) } else { ("token", token_fields(create)) };
    let view = view! {
        <Card title="Add a credential" flush=true>
            <Tabs items=kinds current=current label="Kind of credential" />
            <div class=style::card::BODY>
                <OperationForm action=create refused="The credential was not added">
                    <FormBody>
                        <input type="hidden" name="kind" value=kind />
                        <TextField
                            name="name"
                            label="Name"
                            placeholder="shop repository"
                            required=true
                            maxlength=80
                            error=field_error(create, "name")
                        />
                        {fields}
                        <FormActions>
                            <Button kind=Kind::Primary busy=create.pending()>"Add credential"</Button>
                        </FormActions>
                    </FormBody>
                </OperationForm>
            </div>
        </Card>
    };
    Some(view.into_any())
}

fn token_fields(create: Create) -> AnyView {
    view! {
        <FormPair>
            <PasswordField
                name="token"
                label="Token"
                autocomplete="off"
                hint="One that may read the repository; it is stored sealed and never shown."
                required=true
                error=field_error(create, "token")
            />
            <TextField
                name="username"
                label="User name"
                hint="Only where the host asks for a certain one."
                optional=true
                mono=true
                autocomplete="off"
                error=field_error(create, "username")
            />
        </FormPair>
    }
    .into_any()
}

fn key_fields() -> AnyView {
    view! {
        <p class=style::text::MUTED>
            "A new key pair is made. Its public half is then in the list above: add it to the repository as a deploy key that may only read."
        </p>
    }
    .into_any()
}

/// A form of the platform's own page, which leads to GitHub.
pub fn github_form() -> Option<AnyView> {
    let view = view! {
        <Card
            title="Make a GitHub App"
            note="It reads the repositories that you choose at GitHub with tokens that live an hour, and tells of pushes and pull requests by itself."
        >
            <form action="/credentials/github" method="post">
                <FormBody>
                    <TextField
                        name="name"
                        id="field-github-name"
                        label="Name of the app"
                        placeholder="canopy-acme"
                        hint="No other app at GitHub may have it."
                        required=true
                        maxlength=34
                    />
                    <FormActions>
                        <Button kind=Kind::Primary>"Go on at GitHub"</Button>
                    </FormActions>
                </FormBody>
            </form>
        </Card>
    };
    may(Permission::PrivateKeysManage).then(|| view.into_any())
}
