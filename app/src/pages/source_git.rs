//! The fields of a source that is a repository. Its address and its branch are typed, or chosen from a list that is
//! asked for only when somebody wants it: the form is there without it.

use super::credentials::kind_words;
use crate::api;
use crate::ui::{Button, Checkbox, FormPair, Kind, SelectField, TextField};
use contract::applications::Source;
use contract::git_credentials::{
    GitCredential, GitCredentialKind, ListBranches, ListRepositories, OfferedBranches, OfferedRepositories,
};
use leptos::prelude::*;

const REPOSITORIES: &str = "offered-repositories";
const BRANCHES: &str = "offered-branches";

/// What the organization's private repositories may be read with, as a choice.
fn choices(credentials: &[GitCredential]) -> Vec<(String, String)> {
    let none = (String::new(), "None: it is public".to_owned());
    let named = |one: &GitCredential| (one.id.to_string(), format!("{} ({})", one.name, kind_words(one.kind)));
    std::iter::once(none).chain(credentials.iter().map(named)).collect()
}

/// The lists, and what they are asked for with.
#[derive(Clone, Copy)]
struct Offers {
    url: RwSignal<String>,
    credential: RwSignal<String>,
    repositories: Action<ListRepositories, Result<OfferedRepositories, String>>,
    branches: Action<ListBranches, Result<OfferedBranches, String>>,
}

impl Offers {
    fn new(url: &str, credential: &str) -> Self {
        // Actions, not resources: the form waits for no host.
        let repositories = Action::new(|input: &ListRepositories| {
            let asked = api::git_credentials::repositories(input.clone());
            async move { asked.await.map_err(|error| error.to_string()) }
        });
        let branches = Action::new(|input: &ListBranches| {
            let asked = api::git_credentials::branches(input.clone());
            async move { asked.await.map_err(|error| error.to_string()) }
        });
        Self {
            url: RwSignal::new(url.to_owned()),
            credential: RwSignal::new(credential.to_owned()),
            repositories,
            branches,
        }
    }

    fn ask_repositories(self) {
        if let Ok(credential_id) = self.credential.get_untracked().parse() {
            self.repositories.dispatch(ListRepositories { credential_id, search: None });
        }
    }

    fn ask_branches(self) {
        let url = self.url.get_untracked();
        let credential_id = self.credential.get_untracked().parse().ok();
        self.branches.dispatch(ListBranches { url, credential_id });
    }

    /// A repository that was chosen from the list has branches to choose from.
    fn typed(self, url: String) {
        let offered = self.repositories.value().with_untracked(|found| {
            let items = found.as_ref().and_then(|found| found.as_ref().ok()).map(|found| found.items.as_slice());
            items.unwrap_or_default().iter().any(|one| one.url == url)
        });
        self.url.set(url);
        if offered {
            self.ask_branches();
        }
    }
}

pub fn fields(
    source: Option<&Source>,
    credentials: &[GitCredential],
    error: impl Fn(&'static str) -> MaybeProp<String> + Copy + Send + Sync + 'static,
) -> AnyView {
    let usual = Source::git("", "main");
    let source = source.filter(|source| matches!(source, Source::Git { .. })).unwrap_or(&usual);
    let Source::Git { url, branch, commit, credential_id, submodules, lfs, base_directory } = source.clone() else {
        return ().into_any();
    };
    let chosen = credential_id.map(|id| id.to_string()).unwrap_or_default();
    let read_with = choices(credentials);
    let offers = Offers::new(&url, &chosen);
    view! {
        <FormPair>
            <SelectField
                name="source[credential_id]"
                label="Read with"
                options=read_with
                value=chosen
                hint="Tokens, deploy keys and GitHub Apps are added on the page Credentials."
                optional=true
                error=error("source.credential_id")
                on_change=Callback::new(move |id| offers.credential.set(id))
            />
            <TextField
                name="source[base_directory]"
                label="Folder of the application"
                value=base_directory.unwrap_or_default()
                placeholder="services/api"
                hint="Paths of the build start there. Empty: the repository itself."
                optional=true
                mono=true
                error=error("source.base_directory")
            />
        </FormPair>
        <TextField
            name="source[url]"
            label="Repository"
            value=url
            placeholder="https://github.com/you/shop"
            required=true
            mono=true
            wide=true
            list=REPOSITORIES
            error=error("source.url")
            on_input=Callback::new(move |url| offers.typed(url))
        />
        {repository_list(offers, apps(credentials))}
        <FormPair>
            <TextField
                name="source[branch]"
                label="Branch"
                value=branch
                required=true
                mono=true
                list=BRANCHES
                error=error("source.branch")
            />
            <TextField
                name="source[commit]"
                label="Commit"
                value=commit.unwrap_or_default()
                hint="Stays with this one. Empty: the branch's newest."
                optional=true
                mono=true
                error=error("source.commit")
            />
        </FormPair>
        {branch_list(offers)}
        <Checkbox name="source[submodules]" label="Fetch submodules" checked=submodules />
        <Checkbox name="source[lfs]" label="Fetch large files (Git LFS)" checked=lfs />
    }
    .into_any()
}

/// The credentials that know their repositories.
fn apps(credentials: &[GitCredential]) -> Vec<String> {
    let apps = credentials.iter().filter(|one| one.kind == GitCredentialKind::GithubApp);
    apps.map(|one| one.id.to_string()).collect()
}

fn repository_list(offers: Offers, apps: Vec<String>) -> AnyView {
    let lists = Memo::new(move |_| offers.credential.with(|chosen| apps.iter().any(|app| app == chosen)));
    let found = offers.repositories.value();
    let options = move || {
        let items = found.get().and_then(Result::ok).map(|found| found.items).unwrap_or_default();
        items.into_iter().map(|one| view! { <option value=one.url>{one.name}</option> }).collect_view()
    };
    let said = move || {
        found.get().map(|found| match found {
            Err(why) => why,
            Ok(OfferedRepositories { problem: Some(why), .. }) => why,
            Ok(OfferedRepositories { items, complete, .. }) => {
                counted(items.len(), complete, "repository", "repositories")
            }
        })
    };
    view! {
        <datalist id=REPOSITORIES>{options}</datalist>
        <Show when=move || lists.get()>
            <p class=style::field::HINT aria-live="polite">
                <Button
                    kind=Kind::Ghost
                    small=true
                    busy=offers.repositories.pending()
                    on_click=Callback::new(move |_| offers.ask_repositories())
                >
                    "List the repositories"
                </Button>
                " "
                {said}
            </p>
        </Show>
    }
    .into_any()
}

fn branch_list(offers: Offers) -> AnyView {
    let found = offers.branches.value();
    let options = move || {
        let items = found.get().and_then(Result::ok).map(|found| found.items).unwrap_or_default();
        items.into_iter().map(|name| view! { <option value=name></option> }).collect_view()
    };
    let said = move || {
        found.get().map(|found| match found {
            Err(why) => why,
            Ok(OfferedBranches { problem: Some(why), .. }) => why,
            Ok(OfferedBranches { items, complete, .. }) => counted(items.len(), complete, "branch", "branches"),
        })
    };
    let nowhere = Signal::derive(move || offers.url.with(|url| url.trim().is_empty()));
    view! {
        <datalist id=BRANCHES>{options}</datalist>
        <p class=style::field::HINT aria-live="polite">
            <Button
                kind=Kind::Ghost
                small=true
                disabled=nowhere
                busy=offers.branches.pending()
                on_click=Callback::new(move |_| offers.ask_branches())
            >
                "List the branches"
            </Button>
            " "
            {said}
        </p>
    }
    .into_any()
}

fn counted(count: usize, complete: bool, one: &str, many: &str) -> String {
    let what = if count == 1 { one } else { many };
    let more = if complete { "" } else { ", and there are more" };
    format!("{count} {what}{more}: choose in the field, or type.")
}
