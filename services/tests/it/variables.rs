//! Variables, and the configuration that a deployment gets to see: sealed, kept, checked again.

use crate::estate::*;
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::applications::*;
use contract::variables::*;
use entity::{Tenant as _, application, environment_variable};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, QueryFilter};
use services::applications::config;
use services::instance;
use services::keyring::Keyring;

pub fn variable(application: &Application, key: &str, value: &str) -> SetVariable {
    SetVariable {
        application_id: application.id,
        key: key.into(),
        value: value.into(),
        build_time: false,
        run_time: true,
        secret: false,
        literal: false,
        multiline: false,
        preview: false,
        keep_value: false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_never_shown_again() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        deployed(&h, &estate.tenant, &application, 1).await;
        let secret = |key: &str, value: &str| SetVariable { secret: true, ..variable(&application, key, value) };
        let long = h.ok::<SetVariableOp>(owner, secret("TOKEN", "correct-horse-wxyz")).await;
        assert_eq!((long.value, long.last_four.as_deref()), (None, Some("wxyz")));
        let short = h.ok::<SetVariableOp>(owner, secret("PIN", "12345678901")).await;
        assert_eq!((short.value, short.last_four), (None, None));
        let open = h.ok::<SetVariableOp>(owner, variable(&application, "PORT", "9000")).await;
        assert_eq!((open.value.as_deref(), open.last_four), (Some("9000"), None));

        let listed =
            h.ok::<ListVariablesOp>(owner, ListVariables { application_id: application.id, search: None }).await.items;
        let values: Vec<_> = listed.iter().map(|v| (v.key.as_str(), v.value.as_deref())).collect();
        assert_eq!(values, [("PIN", None), ("PORT", Some("9000")), ("TOKEN", None)]);
        let read = h.ok::<GetApplicationOp>(owner, ApplicationRef { id: application.id }).await;
        assert!(read.pending_changes);

        // The same key again is the same variable.
        let again = h.ok::<SetVariableOp>(owner, variable(&application, "TOKEN", "plain")).await;
        assert_eq!((again.id, again.value.as_deref()), (long.id, Some("plain")));
        h.ok::<DeleteVariableOp>(owner, VariableRef { id: short.id }).await;
        assert_eq!(h.refused::<DeleteVariableOp>(owner, VariableRef { id: short.id }).await.code, Code::NotFound);

        let db = h.platform.database.read();
        let rows = environment_variable::Entity::find_in(estate.tenant.scope).all(db).await.unwrap();
        assert!(rows.iter().all(|row| !row.sealed.windows(5).any(|part| part == b"plain")));
        let loaded = config::load(db, &h.platform.keyring, estate.tenant.scope, application.id).await.unwrap();
        assert_eq!(loaded.run_environment()["PORT"], "9000");
        assert!(!format!("{loaded:?}").contains("9000"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_takes_200_variables() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        for number in 0..200 {
            h.ok::<SetVariableOp>(owner, variable(&application, &format!("V{number}"), "")).await;
        }
        let refusal = h.refused::<SetVariableOp>(owner, variable(&application, "MORE", "")).await;
        assert_eq!(fields(&refusal), ["key"]);
        h.ok::<SetVariableOp>(owner, variable(&application, "V7", "changed")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_brings_the_configuration_back_and_is_checked_again() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let input = CreateApplication {
            domains: vec!["shop.example.com".into()],
            ..plain(&estate.project, &estate.server, "web")
        };
        let application = h.ok::<CreateApplicationOp>(owner, input).await;
        let build_time = SetVariable { build_time: true, ..variable(&application, "MODE", "fast") };
        h.ok::<SetVariableOp>(owner, build_time).await;
        let secret = SetVariable { secret: true, build_time: true, ..variable(&application, "TOKEN", "tell-nobody") };
        h.ok::<SetVariableOp>(owner, secret).await;

        let (db, keyring, scope) = (h.platform.database.read(), &h.platform.keyring, estate.tenant.scope);
        let loaded = config::load(db, keyring, scope, application.id).await.unwrap();
        assert_eq!(loaded.revision, 3);
        assert_eq!(loaded.hosts[0].as_str(), "shop.example.com");
        assert_eq!(loaded.build_arguments().into_iter().collect::<Vec<_>>(), [("MODE".into(), "fast".into())]);
        let secrets = loaded.build_secrets();
        assert_eq!(secrets.into_iter().collect::<Vec<_>>(), [("TOKEN".into(), "tell-nobody".into())]);
        assert_eq!(loaded.run_environment()["PORT"], "8080");
        assert_eq!(loaded.secrets(), ["tell-nobody"]);
        let snapshot = config::snapshot(&loaded).unwrap();
        assert_eq!(config::from_snapshot(snapshot.clone()).unwrap(), loaded);

        let mut forged = snapshot;
        forged["source"]["url"] = "--upload-pack=id".into();
        assert!(matches!(config::from_snapshot(forged), Err(services::Error::Invalid(_))));
        // So is a row that was stored before a rule existed.
        application::Entity::update_in(scope)
            .col_expr(
                application::Column::Build,
                Expr::value(serde_json::json!({
                    "kind": "dockerfile", "path": "../../etc/passwd"
                })),
            )
            .filter(application::Column::Id.eq(application.id))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let refused = config::load(db, keyring, scope, application.id).await;
        assert!(matches!(refused, Err(services::Error::Invalid(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_for_builds_fit_into_one_request() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        let for_build =
            |key: &str, value: String| SetVariable { build_time: true, ..variable(&application, key, &value) };
        h.ok::<SetVariableOp>(owner, for_build("A", "a".repeat(40_000))).await;
        for (key, value) in [("B", "b".repeat(30_000)), ("B", "%".repeat(10_000))] {
            let refusal = h.refused::<SetVariableOp>(owner, for_build(key, value)).await;
            assert_eq!((refusal.code, fields(&refusal)), (Code::Invalid, vec!["value"]));
        }
        h.ok::<SetVariableOp>(owner, variable(&application, "B", &"b".repeat(60_000))).await;
        // One that came in before this was checked.
        environment_variable::Entity::update_in(estate.tenant.scope)
            .col_expr(environment_variable::Column::BuildTime, Expr::value(true))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let db = h.platform.database.read();
        let loaded = config::load(db, &h.platform.keyring, estate.tenant.scope, application.id).await;
        assert!(matches!(loaded, Err(services::Error::Invalid(_))));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_has_one_key() {
    on_each_database(async |h: Harness| {
        let database = &h.platform.database;
        let (right, wrong) = (Keyring::new(&[1; 32]), Keyring::new(&[2; 32]));
        assert!(!instance::has_key(database).await.unwrap());
        assert!(instance::is_key(database, &right).await.unwrap());
        assert!(instance::has_key(database).await.unwrap());
        assert!(!instance::is_key(database, &wrong).await.unwrap());
        assert!(instance::is_key(database, &right).await.unwrap());
    })
    .await;
}
