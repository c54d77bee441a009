//! The root: the router, the routes, and the console's frame around the signed-in pages.

use crate::api;
use crate::lazy::lazy;
use crate::pages::account::AccountPage;
use crate::pages::analytics::AnalyticsPage;
use crate::pages::api_key::ApiKeyPage;
use crate::pages::api_keys::ApiKeysPage;
use crate::pages::application::{
    ApplicationDeploymentsPage, ApplicationDomainsPage, ApplicationLogsPage, ApplicationPage, ApplicationSettingsPage,
    ApplicationSourcePage, ApplicationTaskPage, ApplicationTaskRunPage, ApplicationTasksPage, ApplicationTerminalPage,
    ApplicationVariablesPage, DeleteApplicationPage, RollbackPage, VariableFilePage,
};
use crate::pages::audit::AuditPage;
use crate::pages::credentials::{CredentialsPage, GitHostsPage, RegistriesPage};
use crate::pages::deployment::DeploymentPage;
use crate::pages::deployments::DeploymentsPage;
use crate::pages::edit_server::EditServerPage;
use crate::pages::host_access::{HostAccessPage, OrganizationHostAccessPage};
use crate::pages::invitation::InvitationPage;
use crate::pages::member::MemberPage;
use crate::pages::members::MembersPage;
use crate::pages::new_api_key::NewApiKeyPage;
use crate::pages::new_application::NewApplicationPage;
use crate::pages::new_project::NewProjectPage;
use crate::pages::new_server::NewServerPage;
use crate::pages::not_found::NotFoundPage;
use crate::pages::overview::OverviewPage;
use crate::pages::private_key::{NewPrivateKeyPage, PrivateKeyPage};
use crate::pages::private_keys::PrivateKeysPage;
use crate::pages::project::ProjectPage;
use crate::pages::project_settings::DeleteProjectPage;
use crate::pages::projects::ProjectsPage;
use crate::pages::search::{SearchPage, commands};
use crate::pages::server::{DeleteServerPage, ServerPage};
use crate::pages::server_cleanups::ServerCleanupsPage;
use crate::pages::servers::ServersPage;
use crate::pages::setup::SetupPage;
use crate::pages::shared_variables::SharedVariablesPage;
use crate::pages::sign_in::SignInPage;
use crate::pages::welcome::WelcomePage;
use crate::session::Session;
use crate::shell::nav::screens;
use crate::shell::{Addresses, ErrorPage, Group, Place, Shell, Theme};
use contract::Empty;
use contract::accounts::Me;
use contract::organizations::{ListOrganizations, Organization};
use contract::permissions::Permission;
use contract::search::Search;
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{Outlet, ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=|title: String| if title.is_empty() { "Canopy".to_owned() } else { format!("{title} · Canopy") } />
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/setup") view=lazy!(entrance: SetupPage) ssr=SsrMode::Async />
                <Route path=path!("/sign-in") view=lazy!(entrance: SignInPage) ssr=SsrMode::Async />
                <Route path=path!("/invitations/:token") view=lazy!(entrance: InvitationPage) ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=Console>
                    // One line per page, by address; whoever writes a page adds its route. A page that is not `lazy` is
                    // part of what everybody waits for.
                    <Route path=path!("/") view=OverviewPage ssr=SsrMode::Async />
                    <Route path=path!("/account") view=lazy!(settings: AccountPage) ssr=SsrMode::Async />
                    <Route path=path!("/api-keys") view=lazy!(settings: ApiKeysPage) ssr=SsrMode::Async />
                    <Route path=path!("/api-keys/new") view=lazy!(settings: NewApiKeyPage) ssr=SsrMode::Async />
                    <Route path=path!("/api-keys/:id") view=lazy!(settings: ApiKeyPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id") view=lazy!(projects: ApplicationPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/delete") view=lazy!(projects: DeleteApplicationPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/deployments") view=lazy!(projects: ApplicationDeploymentsPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/domains") view=lazy!(projects: ApplicationDomainsPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/logs") view=lazy!(projects: ApplicationLogsPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/rollback/:deployment") view=lazy!(projects: RollbackPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/settings") view=lazy!(projects: ApplicationSettingsPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/tasks") view=lazy!(projects: ApplicationTasksPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/tasks/:task") view=lazy!(projects: ApplicationTaskPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/tasks/:task/:run") view=lazy!(projects: ApplicationTaskRunPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/terminal") view=lazy!(projects: ApplicationTerminalPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/source") view=lazy!(projects: ApplicationSourcePage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/variables") view=lazy!(projects: ApplicationVariablesPage) ssr=SsrMode::Async />
                    <Route path=path!("/applications/:id/variables/file") view=lazy!(projects: VariableFilePage) ssr=SsrMode::Async />
                    <Route path=path!("/audit") view=lazy!(settings: AuditPage) ssr=SsrMode::Async />
                    <Route path=path!("/credentials") view=lazy!(settings: CredentialsPage) ssr=SsrMode::Async />
                    <Route path=path!("/credentials/hosts") view=lazy!(settings: GitHostsPage) ssr=SsrMode::Async />
                    <Route path=path!("/credentials/registries") view=lazy!(settings: RegistriesPage) ssr=SsrMode::Async />
                    <Route path=path!("/deployments") view=lazy!(projects: DeploymentsPage) ssr=SsrMode::Async />
                    <Route path=path!("/deployments/analytics") view=lazy!(projects: AnalyticsPage) ssr=SsrMode::Async />
                    <Route path=path!("/deployments/:id") view=lazy!(projects: DeploymentPage) ssr=SsrMode::Async />
                    <Route path=path!("/members") view=lazy!(settings: MembersPage) ssr=SsrMode::Async />
                    <Route path=path!("/members/:id") view=lazy!(settings: MemberPage) ssr=SsrMode::Async />
                    <Route path=path!("/projects") view=ProjectsPage ssr=SsrMode::Async />
                    <Route path=path!("/projects/new") view=lazy!(projects: NewProjectPage) ssr=SsrMode::Async />
                    <Route path=path!("/projects/:id") view=lazy!(projects: ProjectPage) ssr=SsrMode::Async />
                    <Route path=path!("/projects/:id/applications/new") view=lazy!(projects: NewApplicationPage) ssr=SsrMode::Async />
                    <Route path=path!("/projects/:id/delete") view=lazy!(projects: DeleteProjectPage) ssr=SsrMode::Async />
                    <Route path=path!("/projects/:id/environments/:environment/variables") view=lazy!(projects: SharedVariablesPage) ssr=SsrMode::Async />
                    <Route path=path!("/projects/:id/variables") view=lazy!(projects: SharedVariablesPage) ssr=SsrMode::Async />
                    <Route path=path!("/search") view=lazy!(settings: SearchPage) ssr=SsrMode::Async />
                    <Route path=path!("/server-access") view=lazy!(settings: HostAccessPage) ssr=SsrMode::Async />
                    <Route path=path!("/server-access/:id") view=lazy!(settings: OrganizationHostAccessPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers") view=lazy!(settings: ServersPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/new") view=lazy!(settings: NewServerPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/keys") view=lazy!(settings: PrivateKeysPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/keys/new") view=lazy!(settings: NewPrivateKeyPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/keys/:id") view=lazy!(settings: PrivateKeyPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/:id") view=lazy!(settings: ServerPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/:id/delete") view=lazy!(settings: DeleteServerPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/:id/edit") view=lazy!(settings: EditServerPage) ssr=SsrMode::Async />
                    <Route path=path!("/variables") view=lazy!(projects: SharedVariablesPage) ssr=SsrMode::Async />
                    <Route path=path!("/servers/:id/cleanups") view=lazy!(settings: ServerCleanupsPage) ssr=SsrMode::Async />
                    <Route path=path!("/welcome") view=lazy!(entrance: WelcomePage) ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

/// The frame of the signed-in pages. Who is looking is found once and passed down.
#[component]
fn Console() -> impl IntoView {
    let session = Resource::new_blocking(
        || (),
        |()| async move {
            let (me, places) = futures::try_join!(
                api::accounts::me(Empty {}),
                api::organizations::list(ListOrganizations { limit: Some(200), ..Default::default() }),
            )?;
            Ok::<_, crate::operation::Failure>((me, places.items))
        },
    );
    // Not a closure in the Suspense: it would run anew for each look that the server takes at it.
    view! {
        <Suspense>
            {Suspend::new(async move {
                let session = session.await;
                #[cfg(feature = "ssr")]
                after_the_looks().await;
                match session {
                    Ok((me, organizations)) => framed(me, organizations),
                    Err(failure) => {
                        let error = failure.0;
                        view! { <ErrorPage status=error.status title=error.title detail=error.detail request_id=error.request_id /> }.into_any()
                    }
                }
            })}
        </Suspense>
    }
    .into_any()
}

/// Before a Suspense waits for what is in it, it looks whether that is there already, twice at most; a page made for a look
/// is thrown away and made again, its questions asked twice and the first ones without their request. So nothing is there
/// for a look.
#[cfg(feature = "ssr")]
async fn after_the_looks() {
    let mut looks = 0;
    std::future::poll_fn(|context| {
        looks += 1;
        if looks > 4 {
            return std::task::Poll::Ready(());
        }
        context.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

fn framed(me: Me, organizations: Vec<Organization>) -> AnyView {
    let groups = allowed(screens(), &me);
    let person = crate::shell::Person { name: me.name.clone(), email: me.email.clone() };
    let here = me.organization.as_ref().map(place).unwrap_or(Place {
        id: String::new(),
        name: "No organization".into(),
        kind: "Ask for an invitation".into(),
        level: 0,
    });
    let places: Vec<Place> = organizations.iter().map(place).collect();
    let addresses = Addresses {
        switch_organization: "/api/v1/sessions.switch_organization".into(),
        sign_out: "/api/v1/sessions.end".into(),
        ..Default::default()
    };
    let theme = use_context::<Theme>().unwrap_or_default();
    provide_context(Session(me));
    // An action, not a resource: what the palette finds must not make the page around it wait.
    let find = Action::new(|text: &String| {
        let text = text.clone();
        async move {
            if text.trim().is_empty() {
                return Vec::new();
            }
            // A search that fails finds nothing: the screens stay in the list, and the next letter asks again.
            let hits = api::search::find(Search { text }).await.map(|page| page.items).unwrap_or_default();
            hits.into_iter().flat_map(commands).collect()
        }
    });
    view! {
        <Shell
            hits=Signal::derive(move || find.value().get().unwrap_or_default())
            on_query=Callback::new(move |text| {
                find.dispatch(text);
            })
            organization=here
            organizations=places
            person=person
            groups=groups
            theme=theme
            addresses=addresses
        >
            <Outlet />
        </Shell>
    }
    .into_any()
}

fn place(organization: &Organization) -> Place {
    Place {
        id: organization.id.to_string(),
        name: organization.name.clone(),
        kind: match organization.kind {
            contract::organizations::OrganizationType::TopBranch => "Top branch",
            contract::organizations::OrganizationType::MasterBranch => "Master branch",
            contract::organizations::OrganizationType::SubUser => "Sub-user",
            contract::organizations::OrganizationType::EndUser => "End user",
        }
        .into(),
        level: u8::try_from(organization.level).unwrap_or_default(),
    }
}

/// What the reader may not use is not shown.
fn allowed(groups: Vec<Group>, me: &Me) -> Vec<Group> {
    let needs = |href: &str| match href {
        "/projects" => Some(Permission::ProjectsRead),
        "/deployments" => Some(Permission::DeploymentsRead),
        "/servers" => Some(Permission::ServersRead),
        "/variables" => Some(Permission::VariablesRead),
        "/members" => Some(Permission::MembersRead),
        "/api-keys" => Some(Permission::ApiKeysRead),
        "/credentials" => Some(Permission::ApplicationsRead),
        "/audit" => Some(Permission::AuditRead),
        "/server-access" => Some(Permission::OrganizationManage),
        _ => None,
    };
    groups
        .into_iter()
        .map(|mut group| {
            group.screens.retain(|screen| {
                // The operator's own organization only.
                let ours = screen.href != "/server-access"
                    || me.organization.as_ref().is_some_and(|organization| organization.parent_id.is_none());
                ours && needs(&screen.href).is_none_or(|permission| me.may(permission))
            });
            group
        })
        .filter(|group| !group.screens.is_empty())
        .collect()
}

/// The HTML document around the app, with the policy that says what it may load.
#[cfg(feature = "ssr")]
pub fn document() -> impl IntoView {
    use crate::shell::{Assets, Document};
    use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};

    let assets = use_context::<Assets>().unwrap_or_default();
    let theme = use_context::<Theme>().unwrap_or_default();
    if let (Some(nonce), Some(response)) = (leptos::nonce::use_nonce(), use_context::<leptos_axum::ResponseOptions>()) {
        let policy = format!(
            "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self' 'nonce-{nonce}'; \
             img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        );
        if let Ok(policy) = http::HeaderValue::from_str(&policy) {
            response.insert_header(CONTENT_SECURITY_POLICY, policy);
        }
        response.insert_header(CONTENT_TYPE, http::HeaderValue::from_static("text/html; charset=utf-8"));
    }
    view! {
        <Document assets=assets theme=theme>
            <App />
        </Document>
    }
}
