//! Domains of applications: whose a host is, what may be set, and what the proxy is told.

use crate::deployments::stage::{FIRST, Rollback, SECOND, Stage};
use crate::estate::{CreateApplicationOp, Estate, UpdateApplicationOp, estate, fields, no_changes, plain};
use crate::harness::{Harness, on_each_database, operations};
use contract::application_domains::*;
use contract::applications::*;
use contract::deployments::RollbackDeployment;
use contract::permissions::Permission;
use contract::{Code, Empty, Page};
use entity::{Tenant as _, application, application_domain, server};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use services::application_domains;
use services::clock::new_id;
use services::deployments::RoutesReconciled;
use services::jobs::Reconciler;

operations! {
    ListOp = query "application_domains.list", Permission(Permission::ApplicationsRead),
        application_domains::list[ListApplicationDomains] -> Page<ApplicationDomain>;
    AddOp = command "application_domains.add", Permission(Permission::ApplicationsManage),
        application_domains::add[AddApplicationDomain] -> ApplicationDomain;
    ChangeOp = command "application_domains.update", Permission(Permission::ApplicationsManage),
        application_domains::update[UpdateApplicationDomain] -> ApplicationDomain;
    RemoveOp = command "application_domains.remove", Permission(Permission::ApplicationsManage),
        application_domains::remove[ApplicationDomainRef] -> Empty;
}

pub fn domain(of: &Application, host: &str) -> AddApplicationDomain {
    AddApplicationDomain {
        application_id: of.id,
        host: host.into(),
        path: None,
        strip_prefix: false,
        port: None,
        redirect_to: None,
        redirect_permanent: None,
        force_https: None,
        basic_auth: None,
        request_headers: Vec::new(),
        response_headers: Vec::new(),
    }
}

fn unchanged(of: &ApplicationDomain) -> UpdateApplicationDomain {
    UpdateApplicationDomain {
        id: of.id,
        strip_prefix: None,
        port: None,
        redirect_to: None,
        redirect_permanent: None,
        force_https: None,
        basic_auth: None,
        remove_basic_auth: false,
        request_headers: None,
        response_headers: None,
    }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.into(), value: value.into() }
}

fn auth(user: &str, password: &str) -> Option<NewBasicAuth> {
    Some(NewBasicAuth { user: user.into(), password: password.into() })
}

async fn list(h: &Harness, estate: &Estate, of: &Application) -> Vec<ApplicationDomain> {
    h.ok::<ListOp>(&estate.tenant.owner, ListApplicationDomains { application_id: of.id }).await.items
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_of_an_organization_share_a_host_by_path_and_others_get_none_of_it() {
    on_each_database(async |h: Harness| {
        let (here, there) = (estate(&h, "Acme").await, estate(&h, "Other").await);
        let (shop, api) = (here.application(&h, "shop").await, here.application(&h, "api").await);
        let owner = &here.tenant.owner;
        h.ok::<AddOp>(owner, domain(&shop, "Shop.Example.com.")).await;
        let below =
            AddApplicationDomain { path: Some("/api".into()), strip_prefix: true, ..domain(&api, "shop.example.com") };
        h.ok::<AddOp>(owner, below.clone()).await;

        let words = "shop.example.com leads to another application. Remove it there first, or choose another name.";
        let again = h.refused::<AddOp>(owner, AddApplicationDomain { application_id: shop.id, ..below.clone() }).await;
        assert_eq!((again.code, again.field("host")), (Code::Conflict, Some(words)));
        let twice = h.refused::<AddOp>(owner, below).await;
        assert_eq!(twice.field("host"), Some("shop.example.com/api is in the list already."));

        // Another organization learns the same whatever the path, and by every way in.
        let theirs = there.application(&h, "web").await;
        for path in [None, Some("/".to_owned()), Some("/api".to_owned()), Some("/else".to_owned())] {
            let input = AddApplicationDomain { path, ..domain(&theirs, "shop.example.com") };
            let refusal = h.refused::<AddOp>(&there.tenant.owner, input).await;
            assert_eq!((refusal.code, refusal.field("host")), (Code::Conflict, Some(words)));
        }
        let input = UpdateApplication { domains: Some(vec!["shop.example.com".into()]), ..no_changes(&theirs) };
        let refusal = h.refused::<UpdateApplicationOp>(&there.tenant.owner, input).await;
        assert_eq!((refusal.code, refusal.field("domains.0")), (Code::Conflict, Some(words)));

        // Free once the last of it is gone.
        for of in [&shop, &api] {
            for one in list(&h, &here, of).await {
                h.ok::<RemoveOp>(owner, ApplicationDomainRef { id: one.id }).await;
            }
        }
        h.ok::<AddOp>(&there.tenant.owner, domain(&theirs, "shop.example.com")).await;
        let back = h.refused::<AddOp>(owner, domain(&shop, "shop.example.com")).await;
        assert_eq!(back.field("host"), Some(words));
    })
    .await;
}

/// Whoever comes second at the same moment, at another path, is refused as whoever comes later.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_two_organizations_want_at_once_is_one_s() {
    on_each_database(async |h: Harness| {
        let (here, there) = (estate(&h, "Acme").await, estate(&h, "Other").await);
        let (ours, theirs) = (here.application(&h, "web").await, there.application(&h, "web").await);
        for round in 0..5 {
            let host = format!("race-{round}.example.com");
            let input =
                |of: &Application, path: &str| AddApplicationDomain { path: Some(path.into()), ..domain(of, &host) };
            let (one, other) = futures::join!(
                h.call::<AddOp>(&here.tenant.owner, input(&ours, "/a")),
                h.call::<AddOp>(&there.tenant.owner, input(&theirs, "/b")),
            );
            assert!(one.is_ok() != other.is_ok(), "round {round}: {} and {}", one.is_ok(), other.is_ok());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_kept_when_the_list_of_hosts_is_sent_and_the_password_is_never_shown() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let input = CreateApplication {
            domains: vec!["a.example.com".into(), "b.example.com".into()],
            ..plain(&estate.project, &estate.server, "web")
        };
        let made = h.ok::<CreateApplicationOp>(owner, input).await;
        let [a, b] = list(&h, &estate, &made).await.try_into().unwrap();
        let change = UpdateApplicationDomain {
            port: Some(3000),
            force_https: Some(false),
            basic_auth: auth("team", "correct horse battery"),
            response_headers: Some(vec![header("X-Robots-Tag", "noindex"), header("Server", "")]),
            ..unchanged(&a)
        };
        let changed = h.ok::<ChangeOp>(owner, change).await;
        assert_eq!((changed.port, changed.force_https), (Some(3000), false));
        assert_eq!(changed.basic_auth_user.as_deref(), Some("team"));
        assert!(!serde_json::to_string(&changed).unwrap().contains("horse"));
        h.ok::<ChangeOp>(owner, UpdateApplicationDomain { redirect_to: Some("a.example.com".into()), ..unchanged(&b) })
            .await;

        let hosts = |hosts: &[&str]| Some(hosts.iter().map(|host| (*host).to_owned()).collect());
        let input = UpdateApplication { domains: hosts(&["c.example.com", "a.example.com"]), ..no_changes(&made) };
        let updated = h.ok::<UpdateApplicationOp>(owner, input).await;
        assert_eq!(updated.domains, ["c.example.com", "a.example.com"]);
        assert_eq!(updated.links, ["http://c.example.com:8080", "http://a.example.com:8080"]);
        let [_, kept] = list(&h, &estate, &made).await.try_into().unwrap();
        assert_eq!((kept.port, &kept.response_headers), (Some(3000), &changed.response_headers));
        assert_eq!(kept.basic_auth_user.as_deref(), Some("team"));

        // A form that leaves both empty keeps them; the box takes them away.
        let kept =
            h.ok::<ChangeOp>(owner, UpdateApplicationDomain { basic_auth: auth("", ""), ..unchanged(&kept) }).await;
        assert_eq!(kept.basic_auth_user.as_deref(), Some("team"));
        let input = UpdateApplicationDomain {
            basic_auth: auth("", ""),
            remove_basic_auth: true,
            port: Some(0),
            ..unchanged(&kept)
        };
        let open = h.ok::<ChangeOp>(owner, input).await;
        assert_eq!((open.basic_auth_user, open.port), (None, None));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_sent_in_a_circle() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let (made, other) = (estate.application(&h, "web").await, estate.application(&h, "api").await);
        let owner = &estate.tenant.owner;
        let apex = h.ok::<AddOp>(owner, domain(&made, "example.com")).await;
        h.ok::<AddOp>(owner, domain(&other, "api.example.com")).await;
        let to =
            |host: &str| AddApplicationDomain { redirect_to: Some(host.into()), ..domain(&made, "www.example.com") };
        for host in ["www.example.com", "api.example.com", "nowhere.example.com"] {
            let refusal = h.refused::<AddOp>(owner, to(host)).await;
            assert_eq!(fields(&refusal), ["redirect_to"], "{host}");
        }
        h.ok::<AddOp>(owner, to("Example.com")).await;
        let back = UpdateApplicationDomain { redirect_to: Some("www.example.com".into()), ..unchanged(&apex) };
        assert_eq!(fields(&h.refused::<ChangeOp>(owner, back).await), ["redirect_to"]);
        let refusal = h.refused::<RemoveOp>(owner, ApplicationDomainRef { id: apex.id }).await;
        assert!(refusal.detail.contains("www.example.com sends its visitors to example.com"), "{}", refusal.detail);
        // The list of hosts says it all: what leads to nowhere then leads to the application.
        let input = UpdateApplication { domains: Some(vec!["www.example.com".into()]), ..no_changes(&made) };
        h.ok::<UpdateApplicationOp>(owner, input).await;
        assert_eq!(list(&h, &estate, &made).await[0].redirect_to, None);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_settings_are_refused() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let made = estate.application(&h, "web").await;
        let owner = &estate.tenant.owner;
        let base = || domain(&made, "a.example.com");
        let long = "a".repeat(5000);
        for path in [
            "api",
            "/a/",
            "//a",
            "/a/../b",
            "/.",
            "/a b",
            "/a`",
            "/a`) || Host(`evil",
            "/%2e",
            "/{{env}}",
            "/a\n",
            "/ä",
            "/a?b",
            &long,
        ] {
            let refusal = h.refused::<AddOp>(owner, AddApplicationDomain { path: Some(path.into()), ..base() }).await;
            assert_eq!(fields(&refusal), ["path"], "{path:?}");
        }
        for name in [
            "",
            "X A",
            "X:A",
            "X\r\nSet-Cookie",
            "Connection",
            "transfer-encoding",
            "HOST",
            "X-Forwarded-For",
            "Forwarded",
            "X_A",
            "Ä",
            &long,
        ] {
            for (request, response) in [(true, false), (false, true)] {
                let given = |used: bool| if used { vec![header(name, "x")] } else { Vec::new() };
                let input = AddApplicationDomain {
                    request_headers: given(request),
                    response_headers: given(response),
                    ..base()
                };
                let field = if request { "request_headers.0.name" } else { "response_headers.0.name" };
                assert_eq!(fields(&h.refused::<AddOp>(owner, input).await), [field], "{name:?}");
            }
        }
        for value in ["a\r\nX: y", "a\nb", "\u{7f}", "ä", "\u{202e}", " a", &long] {
            let input = AddApplicationDomain { response_headers: vec![header("X-A", value)], ..base() };
            assert_eq!(fields(&h.refused::<AddOp>(owner, input).await), ["response_headers.0.value"], "{value:?}");
        }
        let many = (0..21).map(|number| header(&format!("X-{number}"), "")).collect();
        let input = AddApplicationDomain { response_headers: many, ..base() };
        assert_eq!(fields(&h.refused::<AddOp>(owner, input).await), ["response_headers"]);
        let same = AddApplicationDomain { response_headers: vec![header("X-A", "1"), header("x-a", "2")], ..base() };
        assert_eq!(fields(&h.refused::<AddOp>(owner, same).await), ["response_headers.1.name"]);
        for (user, password, field) in [
            ("a:b", "correct horse battery", "basic_auth.user"),
            ("a\nb", "correct horse battery", "basic_auth.user"),
            ("", "correct horse battery", "basic_auth.user"),
            ("team", "short", "basic_auth.password"),
            ("team", &"x".repeat(73), "basic_auth.password"),
            ("team", "correct horse\nbattery", "basic_auth.password"),
        ] {
            let refusal =
                h.refused::<AddOp>(owner, AddApplicationDomain { basic_auth: auth(user, password), ..base() }).await;
            assert_eq!(fields(&refusal), [field], "{user:?} {password:?}");
        }
        for host in ["canopy.test", "x.canopy.invalid", "*.example.com", "127.0.0.1", "a..b", "a_b.example.com"] {
            let refusal = h.refused::<AddOp>(owner, AddApplicationDomain { host: host.into(), ..base() }).await;
            assert_eq!(fields(&refusal), ["host"], "{host}");
        }
        assert!(list(&h, &estate, &made).await.is_empty());
    })
    .await;
}

/// What the proxy is told follows the rows at once, without a deployment; a row that is not as it should be leads nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn the_proxy_is_told_at_once_and_stored_rows_are_checked_again() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let owner = &stage.tenant.owner;
        let of = &stage.application;
        let input = AddApplicationDomain {
            path: Some("/api".into()),
            strip_prefix: true,
            port: Some(9000),
            basic_auth: auth("team", "correct horse battery"),
            request_headers: vec![header("X-Tenant", "{{blue}}")],
            ..domain(of, "shop.example.com")
        };
        let below = h.ok::<AddOp>(owner, input).await;
        let put = async || {
            RoutesReconciled::default().reconcile(&h.platform).await.unwrap();
            h.proxy.state().routes[&of.id].domains.clone()
        };
        let routed = put().await;
        let shown: Vec<(&str, &str)> = routed.iter().map(|one| (one.host.as_str(), one.path.as_str())).collect();
        assert_eq!(shown, [("shop.example.com", "/"), ("shop.example.com", "/api")]);
        let one = &routed[1];
        assert_eq!((one.strip_prefix, one.port, one.certificate), (true, Some(9000), None));
        let auth = one.auth.as_ref().unwrap();
        assert!(auth.hash.as_str().starts_with("$2b$08$") && auth.user.as_str() == "team");
        assert!(!format!("{routed:?}").contains(auth.hash.as_str()));

        // Stored before a rule was there, or by somebody else.
        use application_domain::Column as C;
        let hostile: [(C, sea_orm::sea_query::SimpleExpr); 8] = [
            (C::Path, Expr::value("/a`) || Host(`evil.example.com")),
            (C::Host, Expr::value("a`) || Host(`b.example.com")),
            (C::Port, Expr::value(Some(70_000))),
            (C::AuthUser, Expr::value(Some("a:b"))),
            (C::AuthUser, Expr::value(None::<String>)),
            (C::AuthSealed, Expr::value(Some(vec![1u8, 2, 3]))),
            (C::AuthSealed, Expr::value(None::<Vec<u8>>)),
            (
                C::Headers,
                Expr::value(Some(serde_json::json!({
                    "request": [{ "name": "X", "value": "a\r\nb" }], "response": []
                }))),
            ),
        ];
        let rows = application_domain::Entity::find_in(stage.tenant.scope).filter(C::Id.eq(below.id));
        let good = rows.one(h.platform.database.read()).await.unwrap().unwrap();
        for (column, value) in hostile {
            let update = application_domain::Entity::update_in(stage.tenant.scope).col_expr(column, value);
            update.filter(C::Id.eq(below.id)).exec(h.platform.database.write()).await.unwrap();
            let routed = put().await;
            assert_eq!(routed.len(), 1, "{column:?}: {routed:?}");
            let restore = application_domain::Entity::update_in(stage.tenant.scope)
                .col_expr(C::Path, Expr::value(good.path.clone()))
                .col_expr(C::Host, Expr::value(good.host.clone()))
                .col_expr(C::Port, Expr::value(good.port))
                .col_expr(C::AuthUser, Expr::value(good.auth_user.clone()))
                .col_expr(C::AuthSealed, Expr::value(good.auth_sealed.clone()))
                .col_expr(C::Headers, Expr::value(good.headers.clone()));
            restore.filter(C::Id.eq(below.id)).exec(h.platform.database.write()).await.unwrap();
        }
        assert_eq!(put().await.len(), 2);
        h.ok::<RemoveOp>(owner, ApplicationDomainRef { id: below.id }).await;
        assert_eq!(put().await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_shared_on_one_machine_only() {
    on_each_database(async |h: Harness| {
        let here = estate(&h, "Acme").await;
        let (shop, api) = (here.application(&h, "shop").await, here.application(&h, "api").await);
        let (owner, scope, db) = (&here.tenant.owner, here.tenant.scope, h.platform.database.write());
        h.ok::<AddOp>(owner, domain(&shop, "shop.example.com")).await;
        let row = server::Entity::find_in(scope).one(db).await.unwrap().unwrap();
        let berlin = server::Model {
            id: new_id(),
            name: "berlin".into(),
            connection: serde_json::json!({ "kind": "ssh", "host": "b.example.com" }),
            ..row.clone()
        };
        server::Entity::insert(server::ActiveModel::from(berlin.clone())).exec_without_returning(db).await.unwrap();
        application::Entity::update_in(scope)
            .col_expr(application::Column::ServerId, Expr::value(berlin.id))
            .filter(application::Column::Id.eq(api.id))
            .exec(db)
            .await
            .unwrap();
        let below = AddApplicationDomain { path: Some("/api".into()), ..domain(&api, "shop.example.com") };
        let refused = h.refused::<AddOp>(owner, below.clone()).await;
        let why = refused.field("host").unwrap();
        assert!(why.contains("leads to shop on the server This machine") && why.contains("one server only"), "{why}");
        let listed = UpdateApplication { domains: Some(vec!["shop.example.com".into()]), ..no_changes(&api) };
        assert!(
            h.refused::<UpdateApplicationOp>(owner, listed).await.field("domains.0").unwrap().contains("one server")
        );
        // Names of its own it may have, and a second name of a machine is no second machine.
        h.ok::<AddOp>(owner, domain(&api, "api.example.com")).await;
        server::Entity::update_in(scope)
            .col_expr(server::Column::Connection, Expr::value(row.connection))
            .filter(server::Column::Id.eq(berlin.id))
            .exec(db)
            .await
            .unwrap();
        h.ok::<AddOp>(owner, below).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn going_back_brings_the_hosts_with_their_settings() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let list = async || {
            let input = ListApplicationDomains { application_id: stage.application.id };
            h.ok::<ListOp>(owner, input).await.items
        };
        let open = stage.deploy_well().await;
        let shop = list().await.remove(0);
        let settings = UpdateApplicationDomain {
            force_https: Some(false),
            basic_auth: auth("ada", "hush-password"),
            response_headers: Some(vec![header("X-Frame-Options", "DENY")]),
            ..unchanged(&shop)
        };
        h.ok::<ChangeOp>(owner, settings).await;
        let www = AddApplicationDomain {
            redirect_to: Some("shop.example.com".into()),
            redirect_permanent: Some(false),
            ..domain(&stage.application, "www.example.com")
        };
        h.ok::<AddOp>(owner, www).await;
        let api = AddApplicationDomain {
            path: Some("/api".into()),
            strip_prefix: true,
            port: Some(9000),
            ..domain(&stage.application, "api.example.com")
        };
        h.ok::<AddOp>(owner, api).await;
        stage.push(SECOND);
        let guarded = stage.deploy_well().await;
        let then = list().await;
        assert_eq!(then.len(), 3);

        let bare = UpdateApplicationDomain {
            force_https: Some(true),
            remove_basic_auth: true,
            response_headers: Some(Vec::new()),
            ..unchanged(&shop)
        };
        h.ok::<ChangeOp>(owner, bare).await;
        for gone in &then[1..] {
            h.ok::<RemoveOp>(owner, ApplicationDomainRef { id: gone.id }).await;
        }
        h.ok::<AddOp>(owner, domain(&stage.application, "later.example.com")).await;
        stage.push(FIRST);
        stage.deploy_well().await;
        let back = |deployment_id| RollbackDeployment {
            application_id: stage.application.id,
            deployment_id,
            image_only: false,
        };
        h.ok::<Rollback>(owner, back(guarded.id)).await;
        stage.work().await;
        let now = list().await;
        let told = |one: &ApplicationDomain| {
            let auth = one.basic_auth_user.clone();
            let redirect = (one.redirect_to.clone(), one.redirect_permanent);
            let place = (one.host.clone(), one.path.clone(), one.strip_prefix, one.port);
            (place, redirect, one.force_https, auth, one.response_headers.clone())
        };
        for one in &then {
            assert!(now.iter().any(|other| told(other) == told(one)), "{one:?} {now:?}");
        }
        assert!(now.iter().any(|one| one.host == "later.example.com") && now.len() == 4);
        // The proxy lets in whom it let in then.
        RoutesReconciled::default().reconcile(&h.platform).await.unwrap();
        let row = application_domain::Entity::find_in(stage.tenant.scope)
            .filter(application_domain::Column::Id.eq(shop.id))
            .one(h.platform.database.read())
            .await
            .unwrap()
            .unwrap();
        let place = format!("application_domains/{}", shop.id);
        let hash = h.platform.keyring.open_text(&place, &row.auth_sealed.unwrap()).unwrap();
        assert!(bcrypt::verify("hush-password", &hash).unwrap());

        // Back to when it was open to all: what asks for a password now goes on asking.
        h.ok::<Rollback>(owner, back(open.id)).await;
        stage.work().await;
        let now = list().await;
        let shop = now.iter().find(|one| one.host == "shop.example.com").unwrap();
        assert_eq!((shop.force_https, shop.basic_auth_user.as_deref()), (true, Some("ada")));
        assert!(shop.response_headers.is_empty());
    })
    .await;
}
