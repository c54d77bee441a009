//! Projects and environments: made, listed, changed, removed; a foreign tenant's look absent.

use crate::estate::*;
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::applications::DeleteApplication;
use contract::projects::*;
use contract::search::Search;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_project_starts_with_production() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let made = project(&h, &tenant.owner, "Shop").await;
        assert_eq!(made.environments.len(), 1);
        assert_eq!(made.environments[0].name, "production");
        let read = h.ok::<GetProjectOp>(&tenant.owner, ProjectRef { id: made.id }).await;
        assert_eq!(read.id, made.id);
        assert_eq!(read.created_at, h.now());
        assert_eq!(read.environments, made.environments);
        assert!(read.applications.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_parallel_creates_of_one_name_one_is_a_conflict() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let create = || {
            let input = CreateProject { name: "Shop".into(), description: None };
            h.call::<CreateProjectOp>(&tenant.owner, input)
        };
        let (one, other) = tokio::join!(create(), create());
        let refusals: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].error.code, Code::Conflict);
        assert_eq!(fields(&refusals[0].error), ["name"]);
        // Names are each tenant's own.
        let another = h.organization("Globex").await;
        project(&h, &another.owner, "Shop").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_has_everything_of_a_project_and_nothing_of_others() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let other = self::estate(&h, "Globex").await;
        other.application(&h, "theirs").await;
        let owner = &estate.tenant.owner;
        let staging = h
            .ok::<CreateEnvironmentOp>(
                owner,
                CreateEnvironment { project_id: estate.project.id, name: "staging".into() },
            )
            .await;
        let mut input = plain(&estate.project, &estate.server, "web");
        input.domains = vec!["b.example.com".into(), "a.example.com".into()];
        let web = h.ok::<CreateApplicationOp>(owner, input).await;
        estate.application(&h, "api").await;
        let deployment = deployed(&h, &estate.tenant, &web, 1).await;

        let page = h.ok::<ListProjectsOp>(owner, ListProjects::default()).await;
        assert_eq!(page.next_cursor, None);
        assert_eq!(page.items.len(), 1);
        let project = &page.items[0];
        assert_eq!(project.environments, vec![estate.project.environments[0].clone(), staging]);
        let names: Vec<_> = project.applications.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["api", "web"]);
        let shown = &project.applications[1];
        assert_eq!(shown.id, web.id);
        assert_eq!(shown.domains, ["b.example.com", "a.example.com"]);
        assert_eq!(shown.source_kind, "git");
        assert_eq!(shown.commit, deployment.commit);
        assert_eq!(shown.deployed_at, Some(h.now()));
        assert_eq!(project.applications[0].commit, None);
        assert_eq!(h.ok::<GetProjectOp>(owner, ProjectRef { id: project.id }).await, *project);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_newest_first_and_complete() {
    on_each_database(async |h: Harness| {
        let tenant = h.organization("Acme").await;
        let empty = h.ok::<ListProjectsOp>(&tenant.owner, ListProjects::default()).await;
        assert!(empty.items.is_empty());
        for number in 0..7 {
            project(&h, &tenant.owner, &format!("P{number}")).await;
        }
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let input = ListProjects { limit: Some(3), cursor, search: None };
            let page = h.ok::<ListProjectsOp>(&tenant.owner, input).await;
            seen.extend(page.items.into_iter().map(|project| project.name));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["P6", "P5", "P4", "P3", "P2", "P1", "P0"]);
        let search = |text: &str| ListProjects { search: Some(text.into()), ..ListProjects::default() };
        assert_eq!(h.ok::<ListProjectsOp>(&tenant.owner, search("p3")).await.items.len(), 1);
        assert_eq!(h.ok::<ListProjectsOp>(&tenant.owner, search("%")).await.items.len(), 0);
        assert_eq!(h.ok::<ListProjectsOp>(&tenant.owner, search("' OR 1=1 --")).await.items.len(), 0);
        assert_eq!(h.refused::<ListProjectsOp>(&tenant.owner, search("a\0b")).await.code, Code::Invalid);
        let bad = ListProjects { limit: Some(201), ..ListProjects::default() };
        assert_eq!(fields(&h.refused::<ListProjectsOp>(&tenant.owner, bad).await), ["limit"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_changed_and_deleted_only_when_empty() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let id = estate.project.id;
        let change = UpdateProject { id, name: Some("Store".into()), description: Some("Sells".into()) };
        let changed = h.ok::<UpdateProjectOp>(owner, change).await;
        assert_eq!((changed.name.as_str(), changed.description.as_str()), ("Store", "Sells"));
        project(&h, owner, "Taken").await;
        let change = UpdateProject { id, name: Some("Taken".into()), description: None };
        assert_eq!(h.refused::<UpdateProjectOp>(owner, change).await.code, Code::Conflict);

        let application = estate.application(&h, "web").await;
        let refusal = h.refused::<DeleteProjectOp>(owner, ProjectRef { id }).await;
        assert_eq!(refusal.code, Code::Conflict);
        assert!(refusal.detail.contains("web"), "{}", refusal.detail);

        h.ok::<DeleteApplicationOp>(owner, DeleteApplication { id: application.id, remove_volumes: false }).await;
        // Its server is cleared first.
        assert_eq!(h.refused::<DeleteProjectOp>(owner, ProjectRef { id }).await.code, Code::Conflict);
        work(&h).await;
        h.ok::<DeleteProjectOp>(owner, ProjectRef { id }).await;
        assert_eq!(h.refused::<GetProjectOp>(owner, ProjectRef { id }).await.code, Code::NotFound);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_come_and_go_but_the_last_one_stays() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let named = |name: &str| CreateEnvironment { project_id: estate.project.id, name: name.into() };
        let staging = h.ok::<CreateEnvironmentOp>(owner, named("staging")).await;
        assert_eq!(h.refused::<CreateEnvironmentOp>(owner, named("staging")).await.code, Code::Conflict);
        assert_eq!(fields(&h.refused::<CreateEnvironmentOp>(owner, named("$(id)")).await), ["name"]);
        estate.application(&h, "web").await;
        let production = EnvironmentRef { id: estate.project.environments[0].id };
        let refusal = h.refused::<DeleteEnvironmentOp>(owner, production).await;
        assert!(refusal.detail.contains("web"), "{}", refusal.detail);
        h.ok::<DeleteEnvironmentOp>(owner, EnvironmentRef { id: staging.id }).await;
        let lone = project(&h, owner, "Lone").await;
        let refusal = h.refused::<DeleteEnvironmentOp>(owner, EnvironmentRef { id: lone.environments[0].id }).await;
        assert_eq!(refusal.code, Code::Conflict);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_project_looks_absent() {
    on_each_database(async |h: Harness| {
        let ours = h.organization("Acme").await;
        let theirs = h.organization("Globex").await;
        let project = project(&h, &theirs.owner, "Secret").await;
        let me = &ours.owner;
        let id = project.id;
        assert_eq!(h.refused::<GetProjectOp>(me, ProjectRef { id }).await.code, Code::NotFound);
        assert_eq!(h.refused::<DeleteProjectOp>(me, ProjectRef { id }).await.code, Code::NotFound);
        let change = UpdateProject { id, name: Some("Mine".into()), description: None };
        assert_eq!(h.refused::<UpdateProjectOp>(me, change).await.code, Code::NotFound);
        let environment = CreateEnvironment { project_id: id, name: "mine".into() };
        assert_eq!(h.refused::<CreateEnvironmentOp>(me, environment).await.code, Code::NotFound);
        let environment = EnvironmentRef { id: project.environments[0].id };
        assert_eq!(h.refused::<DeleteEnvironmentOp>(me, environment).await.code, Code::NotFound);
        assert!(h.ok::<SearchOp>(me, Search { text: "secret".into() }).await.items.is_empty());
        assert_eq!(h.ok::<GetProjectOp>(&theirs.owner, ProjectRef { id }).await, project);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_palette_finds_by_a_part_of_the_name() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "shop-web").await;
        let hits = h.ok::<SearchOp>(owner, Search { text: "sHop".into() }).await.items;
        let found: Vec<_> = hits.iter().map(|hit| (hit.kind.as_str(), hit.href.clone())).collect();
        assert_eq!(
            found,
            [
                ("project", format!("/projects/{}", estate.project.id)),
                ("application", format!("/applications/{}", application.id)),
            ]
        );
        assert_eq!(hits[1].hint, "Shop / production");
        assert_eq!(hits[1].deploy_application_id, Some(application.id));
        let hits = h.ok::<SearchOp>(owner, Search { text: "machine".into() }).await.items;
        assert_eq!(hits[0].href, format!("/servers/{}", estate.server.id));
        let viewer = h.member(&estate.tenant, contract::permissions::Role::Viewer).await;
        let hits = h.ok::<SearchOp>(&viewer, Search { text: "web".into() }).await.items;
        assert_eq!(hits[0].deploy_application_id, None);
        assert!(h.ok::<SearchOp>(owner, Search { text: " ".into() }).await.items.is_empty());
        h.advance(Duration::from_secs(1));
        h.ok::<DeleteApplicationOp>(owner, DeleteApplication { id: application.id, remove_volumes: false }).await;
        assert!(h.ok::<SearchOp>(owner, Search { text: "web".into() }).await.items.is_empty());
        work(&h).await;
    })
    .await;
}
