//! By what private repositories and images are read: credentials of repositories, of registries, and the hosts that
//! were visited over SSH.

mod hosts;
mod registries;
mod repositories;

pub use repositories::kind_words;

use super::region::region;
use super::success::successes;
use crate::api;
use crate::operation_form::Command;
use crate::ui::{Page, Tab};
use contract::git_credentials::{ListGitCredentials, ListGitHosts};
use contract::registry_credentials::ListRegistryCredentials;
use leptos::prelude::*;

use super::address::parameter;

const TITLE: &str = "Credentials";

fn tabs() -> Vec<Tab> {
    vec![
        Tab::new("Repositories", "/credentials"),
        Tab::new("Registries", "/credentials/registries"),
        Tab::new("Known hosts", "/credentials/hosts"),
    ]
}

#[component]
pub fn CredentialsPage() -> impl IntoView {
    let (search, cursor, adding) = (parameter("q"), parameter("cursor"), parameter("add"));
    let create = Command::<api::git_credentials::CreateCall>::new();
    let delete = Command::<api::git_credentials::DeleteCall>::new();
    let (made, deleted) = (successes(create), successes(delete));
    let found = Resource::new(
        move || (search.get(), cursor.get(), made.get(), deleted.get()),
        |(search, cursor, ..)| async move {
            api::git_credentials::list(ListGitCredentials { search, limit: None, cursor }).await
        },
    );
    let list = region(found, "The credentials could not be read", move |page| {
        repositories::list(page, search.get_untracked(), cursor.get_untracked().is_some(), delete)
    });
    view! {
        <Page title=TITLE tabs=tabs() tab="/credentials">
            {list}
            {move || repositories::form(adding.get().as_deref() == Some("deploy_key"), create)}
            {repositories::github_form()}
        </Page>
    }
    .into_any()
}

#[component]
pub fn RegistriesPage() -> impl IntoView {
    let (search, cursor) = (parameter("q"), parameter("cursor"));
    let create = Command::<api::registry_credentials::CreateCall>::new();
    let delete = Command::<api::registry_credentials::DeleteCall>::new();
    let (made, deleted) = (successes(create), successes(delete));
    let found = Resource::new(
        move || (search.get(), cursor.get(), made.get(), deleted.get()),
        |(search, cursor, ..)| async move {
            api::registry_credentials::list(ListRegistryCredentials { search, limit: None, cursor }).await
        },
    );
    let list = region(found, "The registries could not be read", move |page| {
        registries::list(page, search.get_untracked(), cursor.get_untracked().is_some(), delete)
    });
    view! {
        <Page title=TITLE tabs=tabs() tab="/credentials/registries">
            {list}
            {registries::form(create)}
        </Page>
    }
    .into_any()
}

#[component]
pub fn GitHostsPage() -> impl IntoView {
    let cursor = parameter("cursor");
    let forget = Command::<api::git_credentials::ForgetHostCall>::new();
    let forgotten = successes(forget);
    let found = Resource::new(
        move || (cursor.get(), forgotten.get()),
        |(cursor, _)| async move { api::git_credentials::hosts(ListGitHosts { limit: None, cursor }).await },
    );
    let list = region(found, "The hosts could not be read", move |page| {
        hosts::list(page, cursor.get_untracked().is_some(), forget)
    });
    view! {
        <Page title=TITLE tabs=tabs() tab="/credentials/hosts">
            {list}
        </Page>
    }
    .into_any()
}
