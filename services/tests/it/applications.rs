//! Applications, their domains and variables, and what a deployment gets to see of them.

use crate::estate::*;
use crate::harness::{Harness, on_each_database};
use crate::variables::variable;
use contract::Code;
use contract::applications::*;
use contract::ids::{EnvironmentId, ServerId};
use contract::variables::*;
use entity::{Tenant as _, application_domain};
use sea_orm::PaginatorTrait;
use services::applications::config;
use services::clock::new_id;
use services::servers::engine::{Container, ContainerState, Image, Labels};
use services::servers::names;
use services::servers::proxy::{Proxy, ProxySettings, Route};

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_made_read_and_listed() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let mut input = plain(&estate.project, &estate.server, "web");
        input.domains = vec!["Shop.Example.COM.".into(), "www.example.com".into()];
        input.health_check = Some(HealthCheck {
            path: "/healthz".into(),
            interval_seconds: 2,
            timeout_seconds: 5,
            retries: 15,
            start_period_seconds: 0,
        });
        let made = h.ok::<CreateApplicationOp>(owner, input).await;
        assert_eq!(made.domains, ["shop.example.com", "www.example.com"]);
        assert_eq!(made.links, ["http://shop.example.com:8080", "http://www.example.com:8080"]);
        assert_eq!((made.memory_mb, made.cpu_millis, made.port), (512, 1000, 8080));
        assert_eq!(made.status, ApplicationStatus::New);
        assert!(!made.pending_changes && made.current.is_none() && made.latest.is_none());
        assert_eq!((made.project_name.as_str(), made.environment_name.as_str()), ("Shop", "production"));
        assert_eq!(made.server_name, "This machine");

        let deployment = deployed(&h, &estate.tenant, &made, 1).await;
        let read = h.ok::<GetApplicationOp>(owner, ApplicationRef { id: made.id }).await;
        let current = read.current.unwrap();
        assert_eq!((current.id, current.live), (deployment.id, true));
        assert_eq!(current.project_name, "Shop");
        assert_eq!(read.latest.unwrap().id, deployment.id);
        assert!(!read.pending_changes);

        let page = h.ok::<ListApplicationsOp>(owner, ListApplications::default()).await;
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.items[0].domains, made.domains);
        assert_eq!(page.items[0].commit, deployment.commit);
        let elsewhere = ListApplications { environment_id: Some(new_id()), ..ListApplications::default() };
        assert!(h.ok::<ListApplicationsOp>(owner, elsewhere).await.items.is_empty());
        let here = ListApplications {
            project_id: Some(estate.project.id),
            search: Some("WE".into()),
            ..ListApplications::default()
        };
        assert_eq!(h.ok::<ListApplicationsOp>(owner, here).await.items.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_waits_for_the_next_deployment() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let made = estate.application(&h, "web").await;
        deployed(&h, &estate.tenant, &made, 1).await;
        let same = h.ok::<UpdateApplicationOp>(owner, no_changes(&made)).await;
        assert!(!same.pending_changes);
        let changed = UpdateApplication {
            port: Some(3000),
            name: Some("site".into()),
            domains: Some(vec!["a.example.com".into()]),
            ..no_changes(&made)
        };
        let changed = h.ok::<UpdateApplicationOp>(owner, changed).await;
        assert!(changed.pending_changes);
        assert_eq!((changed.port, changed.name.as_str()), (3000, "site"));
        // Source and build are checked together, also when only one of them changes.
        let image =
            UpdateApplication { source: Some(Source::Image { reference: "nginx:1.27".into() }), ..no_changes(&made) };
        assert_eq!(fields(&h.refused::<UpdateApplicationOp>(owner, image).await), ["build.kind"]);
        let image = UpdateApplication {
            source: Some(Source::Image { reference: "nginx:1.27".into() }),
            build: Some(Build::None),
            ..no_changes(&made)
        };
        assert_eq!(h.ok::<UpdateApplicationOp>(owner, image).await.build, Build::None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_told_at_once() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let input = CreateApplication {
            name: "Not A Slug".into(),
            source: Source::Git {
                url: "ext::sh -c id".into(),
                branch: "-x".into(),
                commit: Some("HEAD".into()),
                credential_id: None,
                submodules: false,
                lfs: false,
                base_directory: None,
            },
            build: Build::Dockerfile {
                path: Some("/etc/passwd".into()),
                target: Some("--x".into()),
                time_limit_minutes: Some(0),
            },
            port: 0,
            domains: vec!["ok.example.com".into(), "*.example.com".into(), "ok.example.com".into(), "bücher.de".into()],
            health_check: Some(HealthCheck {
                path: "healthz".into(),
                interval_seconds: 0,
                timeout_seconds: 5,
                retries: 15,
                start_period_seconds: 0,
            }),
            memory_mb: Some(1),
            cpu_millis: Some(0),
            ..plain(&estate.project, &estate.server, "web")
        };
        let refusal = h.refused::<CreateApplicationOp>(owner, input).await;
        assert_eq!(refusal.code, Code::Invalid);
        let expected = [
            "name",
            "source.url",
            "source.branch",
            "source.commit",
            "build.path",
            "build.time_limit_minutes",
            "build.target",
            "port",
            "health_check.path",
            "health_check.interval_seconds",
            "memory_mb",
            "cpu_millis",
            "domains.1",
            "domains.2",
            "domains.3",
        ];
        assert_eq!(fields(&refusal), expected);
        assert!(refusal.errors.last().unwrap().message.contains("punycode"));
        let page = h.ok::<ListApplicationsOp>(owner, ListApplications::default()).await;
        assert!(page.items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_suits_its_source() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let image = || Source::Image { reference: "nginx:1.27".into() };
        let text = || Source::Dockerfile { text: "FROM scratch".into() };
        let dockerfile = || Build::Dockerfile { path: None, target: None, time_limit_minutes: None };
        let folder = || Build::Static { publish_directory: "dist".into(), single_page: true, headers: None };
        let nixpacks = || Build::Nixpacks {
            install_command: None,
            build_command: Some("make".into()),
            start_command: None,
            time_limit_minutes: Some(5),
        };
        let with_path = || Build::Dockerfile { path: Some("x".into()), target: None, time_limit_minutes: None };
        let cases: [(Source, Build, Option<&str>); 10] = [
            (git(), dockerfile(), None),
            (git(), folder(), None),
            (git(), Build::None, Some("build.kind")),
            (git(), nixpacks(), None),
            (image(), Build::None, None),
            (image(), dockerfile(), Some("build.kind")),
            (text(), dockerfile(), None),
            (text(), with_path(), Some("build.path")),
            (text(), Build::None, Some("build.kind")),
            (
                git(),
                Build::Static { publish_directory: String::new(), single_page: false, headers: None },
                Some("build.publish_directory"),
            ),
        ];
        for (index, (source, build, fault)) in cases.into_iter().enumerate() {
            let input =
                CreateApplication { source, build, ..plain(&estate.project, &estate.server, &format!("app-{index}")) };
            match (h.call::<CreateApplicationOp>(owner, input).await, fault) {
                (Ok(_), None) => {}
                (Err(refusal), Some(field)) => assert_eq!(fields(&refusal.error), [field], "case {index}"),
                (outcome, _) => panic!("case {index}: {:?}", outcome.err()),
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_leads_to_one_application_of_the_instance() {
    on_each_database(async |h: Harness| {
        let acme = estate(&h, "Acme").await;
        let globex = estate(&h, "Globex").await;
        let with = |estate: &Estate, name: &str, host: &str| CreateApplication {
            domains: vec![host.into()],
            ..plain(&estate.project, &estate.server, name)
        };
        // The harness' own public address.
        assert_eq!(h.platform.settings.host(), "canopy.test", "as hosts are compared");
        for host in ["canopy.test", "x.canopy.invalid"] {
            let refusal = h.refused::<CreateApplicationOp>(&acme.tenant.owner, with(&acme, "web", host)).await;
            assert_eq!((refusal.code, fields(&refusal)), (Code::Invalid, vec!["domains.0"]), "{host}");
        }
        let mine = h.ok::<CreateApplicationOp>(&acme.tenant.owner, with(&acme, "web", "shop.example.com")).await;
        let taken = with(&globex, "web", "SHOP.example.com");
        let refusal = h.refused::<CreateApplicationOp>(&globex.tenant.owner, taken).await;
        assert_eq!(refusal.code, Code::Conflict);
        assert_eq!(fields(&refusal), ["domains.0"], "{}", refusal.detail);
        for owner in ["Acme", &acme.tenant.organization.to_string(), &mine.id.to_string()] {
            assert!(!refusal.detail.contains(owner), "{}", refusal.detail);
        }
        h.ok::<DeleteApplicationOp>(&acme.tenant.owner, DeleteApplication { id: mine.id, remove_volumes: false }).await;
        h.ok::<CreateApplicationOp>(&globex.tenant.owner, with(&globex, "web", "shop.example.com")).await;

        let create = |number: usize| {
            let input = CreateApplication {
                domains: if number == 0 {
                    vec!["a.example.com".into(), "b.example.com".into()]
                } else {
                    vec!["b.example.com".into(), "a.example.com".into()]
                },
                ..plain(&acme.project, &acme.server, &format!("racer-{number}"))
            };
            h.call::<CreateApplicationOp>(&acme.tenant.owner, input)
        };
        let (one, other) = tokio::join!(create(0), create(1));
        let refusals: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
        assert_eq!(refusals.len(), 1);
        assert_eq!(refusals[0].error.code, Code::Conflict, "{:?}", refusals[0].error);
        work(&h).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_application_looks_absent() {
    on_each_database(async |h: Harness| {
        let ours = estate(&h, "Acme").await;
        let theirs = estate(&h, "Globex").await;
        let me = &ours.tenant.owner;
        let application = theirs.application(&h, "web").await;
        let id = application.id;
        assert_eq!(h.refused::<GetApplicationOp>(me, ApplicationRef { id }).await.code, Code::NotFound);
        assert_eq!(
            h.refused::<DeleteApplicationOp>(me, DeleteApplication { id, remove_volumes: false }).await.code,
            Code::NotFound
        );
        let change = UpdateApplication { port: Some(1), ..no_changes(&application) };
        assert_eq!(h.refused::<UpdateApplicationOp>(me, change).await.code, Code::NotFound);
        let foreign = |environment: EnvironmentId, server: ServerId| CreateApplication {
            environment_id: environment,
            server_id: server,
            ..plain(&ours.project, &ours.server, "mine")
        };
        let (mine, other) = (ours.project.environments[0].id, theirs.project.environments[0].id);
        let input = foreign(other, ours.server.id);
        assert_eq!(h.refused::<CreateApplicationOp>(me, input).await.code, Code::NotFound);
        let input = foreign(mine, theirs.server.id);
        assert_eq!(h.refused::<CreateApplicationOp>(me, input).await.code, Code::NotFound);
        assert_eq!(h.refused::<SetVariableOp>(me, variable(&application, "A", "1")).await.code, Code::NotFound);
        let variables = ListVariables { application_id: id, search: None };
        assert_eq!(h.refused::<ListVariablesOp>(me, variables).await.code, Code::NotFound);
        let theirs_set = h.ok::<SetVariableOp>(&theirs.tenant.owner, variable(&application, "A", "1")).await;
        let reference = VariableRef { id: theirs_set.id };
        assert_eq!(h.refused::<DeleteVariableOp>(me, reference).await.code, Code::NotFound);
        let db = h.platform.database.read();
        let loaded = config::load(db, &h.platform.keyring, ours.tenant.scope, id).await;
        assert!(matches!(loaded, Err(services::Error::NotFound)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_application_leaves_nothing_behind() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let input = CreateApplication {
            domains: vec!["shop.example.com".into()],
            ..plain(&estate.project, &estate.server, "web")
        };
        let gone = h.ok::<CreateApplicationOp>(owner, input).await;
        let stays = estate.application(&h, "api").await;
        h.ok::<SetVariableOp>(owner, variable(&gone, "A", "1")).await;
        let deployment = deployed(&h, &estate.tenant, &gone, 1).await;
        let network = names::environment_network("0a1b2c3d", gone.environment_id);
        for application in [&gone, &stays] {
            put_on_engine(&h, application, &network, &deployment).await;
        }
        let foreign = Labels::from([("canopy.instance".into(), "ffffffff".into())]);
        h.engines.engine.state().networks.insert("canopy-ffffffff-proxy".into(), foreign);

        h.ok::<DeleteApplicationOp>(owner, DeleteApplication { id: gone.id, remove_volumes: false }).await;
        assert_eq!(h.refused::<GetApplicationOp>(owner, ApplicationRef { id: gone.id }).await.code, Code::NotFound);
        assert_eq!(
            h.refused::<DeleteApplicationOp>(owner, DeleteApplication { id: gone.id, remove_volumes: false })
                .await
                .code,
            Code::NotFound
        );
        // The name is free at once.
        let again = estate.application(&h, "web").await;
        work(&h).await;
        {
            let engine = h.engines.engine.state();
            assert!(engine.containers.keys().eq(["api"]), "{:?}", engine.containers.keys());
            assert_eq!(engine.images.len(), 1);
            assert!(engine.networks.contains_key(&network), "another application is in it");
            assert!(!h.proxy.state().routes.contains_key(&gone.id));
            assert!(h.proxy.state().routes.contains_key(&stays.id));
        }
        let rows = application_domain::Entity::find_in(estate.tenant.scope).count(h.platform.database.read()).await;
        assert_eq!(rows.unwrap(), 0);

        for id in [stays.id, again.id] {
            h.ok::<DeleteApplicationOp>(owner, DeleteApplication { id, remove_volumes: false }).await;
        }
        work(&h).await;
        let engine = h.engines.engine.state();
        assert!(engine.containers.is_empty() && engine.images.is_empty());
        assert!(!engine.networks.contains_key(&network));
        assert!(engine.networks.contains_key("canopy-ffffffff-proxy"), "another instance's");
    })
    .await;
}

/// A container, an image and a route, as a deployment leaves them.
async fn put_on_engine(h: &Harness, of: &Application, network: &str, deployment: &entity::deployment::Model) {
    let labels = names::deployment_labels("0a1b2c3d", of.environment_id, of.id, deployment.id);
    {
        let mut engine = h.engines.engine.state();
        engine.networks.insert(network.to_owned(), names::network_labels("0a1b2c3d", of.environment_id));
        let digest = format!("sha256:{:064x}", of.id.0.as_u128());
        engine.images.insert(
            digest.clone(),
            Image {
                digest: digest.clone(),
                size_bytes: 1,
                labels: names::image_labels("0a1b2c3d", of.id),
                tags: vec![names::image_tag("0a1b2c3d", of.id, 1)],
            },
        );
        engine.containers.insert(
            of.name.clone(),
            Container {
                id: of.id.to_string(),
                name: of.name.clone(),
                image_digest: digest,
                labels,
                state: ContainerState::Running,
                restarts: 0,
                addresses: Default::default(),
            },
        );
    }
    let settings = ProxySettings {
        instance: "0a1b2c3d".into(),
        http_port: 1,
        https_port: 2,
        networks: Default::default(),
        acme: None,
    };
    let route = Route { application: of.id, domains: Vec::new(), backends: Vec::new() };
    h.proxy.put_route(h.engines.engine.as_ref(), &settings, &route).await.unwrap();
}
