//! Variables that applications share: within whose reach, what a deployment gets of them, who is marked by a change.

use crate::estate::*;
use crate::harness::{Harness, on_each_database};
use crate::variables::variable;
use contract::Code;
use contract::applications::*;
use contract::ids::{EnvironmentId, ProjectId};
use contract::projects::*;
use contract::variables::*;
use services::applications::config::{self, Audience};

fn shared(project: Option<ProjectId>, environment: Option<EnvironmentId>, key: &str, value: &str) -> SetSharedVariable {
    SetSharedVariable {
        project_id: project,
        environment_id: environment,
        key: key.into(),
        value: value.into(),
        secret: false,
        multiline: false,
        keep_value: false,
    }
}

async fn listed(h: &Harness, estate: &Estate, application: &Application) -> Vec<Variable> {
    let input = ListVariables { application_id: application.id, search: None };
    h.ok::<ListVariablesOp>(&estate.tenant.owner, input).await.items
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_shown_resolved_and_deployed_resolved() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let (project, environment) = (estate.project.id, estate.project.environments[0].id);
        let application = estate.application(&h, "web").await;
        let other = estate.application(&h, "other").await;
        deployed(&h, &estate.tenant, &application, 1).await;
        h.ok::<SetSharedVariableOp>(owner, shared(None, None, "REGION", "eu {{project.HOST}}")).await;
        h.ok::<SetSharedVariableOp>(owner, shared(Some(project), None, "HOST", "db.internal")).await;
        let password =
            SetSharedVariable { secret: true, ..shared(None, Some(environment), "PASSWORD", "correct-horse-wxyz") };
        let made = h.ok::<SetSharedVariableOp>(owner, password).await;
        assert_eq!((made.value, made.last_four.as_deref()), (None, Some("wxyz")));
        assert_eq!((made.reference.as_str(), made.project_id), ("{{environment.PASSWORD}}", Some(project)));

        let url = "pg://{{ environment.PASSWORD }}@{{project.HOST}}/{{team.REGION}}";
        let set = h.ok::<SetVariableOp>(owner, variable(&application, "URL", url)).await;
        assert_eq!((set.value.as_deref(), set.resolved, set.problem), (Some(url), None, None));
        assert_eq!(set.references.len(), 3);
        assert!(set.references.iter().all(|one| one.found && one.secret == (one.value.is_none())));
        let region = h.ok::<SetVariableOp>(owner, variable(&application, "AT", "in {{team.REGION}}")).await;
        assert_eq!(region.resolved.as_deref(), Some("in eu {{project.HOST}}"));

        let (db, keyring) = (h.platform.database.read(), &h.platform.keyring);
        let loaded = config::load(db, keyring, estate.tenant.scope, application.id).await.unwrap();
        assert_eq!(loaded.run_environment()["URL"], "pg://correct-horse-wxyz@db.internal/eu {{project.HOST}}");
        // The whole is secret, and so is the password by itself.
        assert!(loaded.secrets().iter().any(|secret| secret == "correct-horse-wxyz"));
        assert!(loaded.secrets().contains(&loaded.run_environment()["URL"]));
        let kept = config::from_snapshot(config::snapshot(&loaded).unwrap()).unwrap();
        assert_eq!(kept.secrets(), loaded.secrets());

        // A change marks who uses it and nobody else.
        deployed_at_present(&h, &estate, &application).await;
        let hosts = h.ok::<SetSharedVariableOp>(owner, shared(Some(project), None, "HOST", "db2.internal")).await;
        assert_eq!(hosts.used_by.len(), 1);
        assert_eq!(
            (hosts.used_by[0].application_id, &hosts.used_by[0].keys[..]),
            (application.id, &["URL".to_owned()][..])
        );
        let read = h.ok::<GetApplicationOp>(owner, ApplicationRef { id: application.id }).await;
        assert!(read.pending_changes);
        let read = h.ok::<GetApplicationOp>(owner, ApplicationRef { id: other.id }).await;
        assert!(!read.pending_changes);

        // What is used stays; what is not may go.
        let refusal = h.refused::<DeleteSharedVariableOp>(owner, SharedVariableRef { id: hosts.id }).await;
        assert_eq!(refusal.code, Code::Conflict);
        assert!(refusal.detail.contains("web (URL)"), "{}", refusal.detail);
        h.ok::<SetVariableOp>(owner, variable(&application, "URL", "none")).await;
        h.ok::<DeleteSharedVariableOp>(owner, SharedVariableRef { id: hosts.id }).await;
        let list = ListSharedVariables { environment_id: Some(environment), ..Default::default() };
        let left = h.ok::<ListSharedVariablesOp>(owner, list).await.items;
        assert_eq!((left.len(), left[0].value.as_deref(), left[0].used_by.len()), (1, None, 0));
    })
    .await;
}

/// What serves has the application's present configuration.
async fn deployed_at_present(h: &Harness, estate: &Estate, application: &Application) {
    use entity::{Tenant as _, application as rows, deployment};
    use sea_orm::sea_query::Expr;
    use sea_orm::{ColumnTrait, QueryFilter};
    let db = h.platform.database.write();
    let row =
        rows::Entity::find_in(estate.tenant.scope).filter(rows::Column::Id.eq(application.id)).one(db).await.unwrap();
    deployment::Entity::update_in(estate.tenant.scope)
        .col_expr(deployment::Column::Revision, Expr::value(row.unwrap().revision))
        .exec(db)
        .await
        .unwrap();
    let read = h.ok::<GetApplicationOp>(&estate.tenant.owner, ApplicationRef { id: application.id }).await;
    assert!(!read.pending_changes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_leads_nowhere_is_refused_when_saved_and_when_deployed() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        let refusal = h.refused::<SetVariableOp>(owner, variable(&application, "A", "{{project.NO}}")).await;
        assert_eq!(fields(&refusal), ["value"]);
        assert!(refusal.detail.contains("{{project.NO}}"), "{}", refusal.detail);
        let literal = SetVariable { literal: true, ..variable(&application, "A", "{{project.NO}}") };
        h.ok::<SetVariableOp>(owner, literal).await;
        h.ok::<SetVariableOp>(owner, variable(&application, "B", "{{application.A}}!")).await;
        let refusal = h.refused::<SetVariableOp>(owner, variable(&application, "A", "{{application.B}}")).await;
        assert!(refusal.detail.contains("A → B → A"), "{}", refusal.detail);
        let shown = listed(&h, &estate, &application).await;
        assert_eq!(shown[1].resolved.as_deref(), Some("{{project.NO}}!"));
        let refusal = h.refused::<DeleteVariableOp>(owner, VariableRef { id: shown[0].id }).await;
        assert_eq!(refusal.code, Code::Conflict);

        // One that was stored before, or whose target is gone.
        use entity::{Tenant as _, environment_variable};
        use sea_orm::sea_query::Expr;
        use sea_orm::{ColumnTrait, QueryFilter};
        environment_variable::Entity::update_in(estate.tenant.scope)
            .col_expr(environment_variable::Column::Literal, Expr::value(false))
            .col_expr(environment_variable::Column::RefersTo, Expr::value(serde_json::json!(["project.NO"])))
            .filter(environment_variable::Column::Key.eq("A"))
            .exec(h.platform.database.write())
            .await
            .unwrap();
        let shown = listed(&h, &estate, &application).await;
        assert!(shown[0].problem.as_deref().is_some_and(|why| why.contains("{{project.NO}}")));
        assert!(shown[1].problem.is_some());
        let db = h.platform.database.read();
        let loaded = config::load(db, &h.platform.keyring, estate.tenant.scope, application.id).await;
        let Err(services::Error::Invalid(faults)) = loaded else { panic!("{loaded:?}") };
        assert!(faults[0].message.starts_with("A: ") && faults[0].message.contains("{{project.NO}}"), "{faults:?}");
        // Others can be changed all the same.
        h.ok::<SetVariableOp>(owner, variable(&application, "C", "x")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn previews_get_their_own_variables_only() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        h.ok::<SetVariableOp>(owner, variable(&application, "URL", "production")).await;
        h.ok::<SetVariableOp>(owner, variable(&application, "ONLY", "production")).await;
        deployed(&h, &estate.tenant, &application, 3).await;
        let preview = SetVariable { preview: true, ..variable(&application, "URL", "preview") };
        h.ok::<SetVariableOp>(owner, preview).await;
        let (db, keyring, scope) = (h.platform.database.read(), &h.platform.keyring, estate.tenant.scope);
        let production = config::load(db, keyring, scope, application.id).await.unwrap().run_environment();
        assert_eq!((production["URL"].as_str(), production["ONLY"].as_str()), ("production", "production"));
        let previews = config::load_for(db, keyring, scope, application.id, Audience::Preview).await.unwrap();
        assert_eq!(previews.run_environment().get("ONLY"), None);
        assert_eq!(previews.run_environment()["URL"], "preview");
        // Nothing that serves changed.
        let read = h.ok::<GetApplicationOp>(owner, ApplicationRef { id: application.id }).await;
        assert!(!read.pending_changes);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_can_be_kept_but_a_secret_never_becomes_readable() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        let keep = |key: &str| SetVariable { keep_value: true, ..variable(&application, key, "") };
        assert_eq!(fields(&h.refused::<SetVariableOp>(owner, keep("NEW")).await), ["value"]);
        h.ok::<SetVariableOp>(owner, variable(&application, "A", "one\n")).await;
        let multiline = h.ok::<SetVariableOp>(owner, SetVariable { multiline: true, ..keep("A") }).await;
        assert_eq!((multiline.value.as_deref(), multiline.multiline), (Some("one\n"), true));
        let locked = h.ok::<SetVariableOp>(owner, SetVariable { secret: true, ..keep("A") }).await;
        assert_eq!(locked.value, None);
        let refusal = h.refused::<SetVariableOp>(owner, keep("A")).await;
        assert_eq!(fields(&refusal), ["secret"]);
        let (db, keyring) = (h.platform.database.read(), &h.platform.keyring);
        let loaded = config::load(db, keyring, estate.tenant.scope, application.id).await.unwrap();
        assert_eq!(loaded.run_environment()["A"], "one\n");

        let set = |secret, keep_value| SetSharedVariable {
            secret,
            keep_value,
            ..shared(None, None, "S", if keep_value { "" } else { "seen" })
        };
        assert_eq!(fields(&h.refused::<SetSharedVariableOp>(owner, set(true, true)).await), ["value"]);
        h.ok::<SetSharedVariableOp>(owner, set(true, false)).await;
        assert_eq!(fields(&h.refused::<SetSharedVariableOp>(owner, set(false, true)).await), ["secret"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_sets_many_at_once() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        let secret = SetVariable { secret: true, ..variable(&application, "TOKEN", "tell-nobody") };
        h.ok::<SetVariableOp>(owner, secret).await;
        h.ok::<SetVariableOp>(owner, variable(&application, "OLD", "1")).await;
        h.ok::<SetVariableOp>(owner, variable(&application, "SAME", "1")).await;
        let text = "SAME=1\nexport TOKEN='new one'\nKEY=\"-----BEGIN-----\nx\n\"\n# nothing\n";
        let input = ImportVariables {
            application_id: application.id,
            text: text.into(),
            preview: false,
            build_time: false,
            run_time: true,
            secret: false,
            replace: true,
            dry_run: true,
        };
        let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
        let expected = ImportedVariables {
            added: keys(&["KEY"]),
            changed: keys(&["TOKEN"]),
            unchanged: keys(&["SAME"]),
            removed: keys(&["OLD"]),
            changes: "plan.added:KEY.changed:TOKEN.removed:OLD".into(),
        };
        assert_eq!(h.ok::<ImportVariablesOp>(owner, input.clone()).await, expected);
        assert_eq!(listed(&h, &estate, &application).await.len(), 3);
        let input = ImportVariables { dry_run: false, ..input };
        let expected = ImportedVariables { changes: expected.changes.replace("plan", "done"), ..expected };
        assert_eq!(h.ok::<ImportVariablesOp>(owner, input.clone()).await, expected);
        let (db, keyring) = (h.platform.database.read(), &h.platform.keyring);
        let loaded = config::load(db, keyring, estate.tenant.scope, application.id).await.unwrap();
        let environment = loaded.run_environment();
        assert_eq!(environment["KEY"], "-----BEGIN-----\nx\n");
        assert_eq!((loaded.secrets(), environment.get("OLD")), (vec!["new one".to_owned()], None));

        let export = ExportVariables { application_id: application.id, preview: false };
        let text = h.ok::<ExportVariablesOp>(owner, export).await.text;
        assert_eq!(text, "KEY=\"-----BEGIN-----\nx\n\"\nSAME=1\n# TOKEN is secret\n");

        for (text, part) in [("A=1\nB", "Line 2"), ("A={{project.NO}}", "A: It refers"), ("A=\"x", "quote")] {
            let input = ImportVariables { text: text.into(), replace: false, ..input.clone() };
            let refusal = h.refused::<ImportVariablesOp>(owner, input).await;
            assert!(refusal.detail.contains(part), "{}", refusal.detail);
        }
        assert_eq!(listed(&h, &estate, &application).await.len(), 3);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn others_projects_and_environments_are_not_found() {
    on_each_database(async |h: Harness| {
        let ours = estate(&h, "Acme").await;
        let theirs = estate(&h, "Other").await;
        let other_project = project(&h, &ours.tenant.owner, "Another").await;
        let environment = theirs.project.environments[0].id;
        for (project, environment) in [
            (Some(theirs.project.id), None),
            (None, Some(environment)),
            // Of ours, but of another project.
            (Some(other_project.id), Some(ours.project.environments[0].id)),
        ] {
            let refusal =
                h.refused::<SetSharedVariableOp>(&ours.tenant.owner, shared(project, environment, "A", "1")).await;
            assert_eq!(refusal.code, Code::NotFound);
            let list = ListSharedVariables { project_id: project, environment_id: environment, search: None };
            assert_eq!(h.refused::<ListSharedVariablesOp>(&ours.tenant.owner, list).await.code, Code::NotFound);
        }
        // One organization's variables are no other's.
        h.ok::<SetSharedVariableOp>(&theirs.tenant.owner, shared(None, None, "A", "1")).await;
        let application = ours.application(&h, "web").await;
        let refusal =
            h.refused::<SetVariableOp>(&ours.tenant.owner, variable(&application, "X", "{{organization.A}}")).await;
        assert_eq!(fields(&refusal), ["value"]);
        // They go with what they belong to.
        h.ok::<SetSharedVariableOp>(&ours.tenant.owner, shared(Some(other_project.id), None, "A", "1")).await;
        let staging = CreateEnvironment { project_id: other_project.id, name: "staging".into() };
        let staging = h.ok::<CreateEnvironmentOp>(&ours.tenant.owner, staging).await;
        h.ok::<SetSharedVariableOp>(&ours.tenant.owner, shared(None, Some(staging.id), "A", "1")).await;
        h.ok::<DeleteEnvironmentOp>(&ours.tenant.owner, EnvironmentRef { id: staging.id }).await;
        h.ok::<DeleteProjectOp>(&ours.tenant.owner, ProjectRef { id: other_project.id }).await;
    })
    .await;
}

/// Rows from before a rule existed, or changed beside the platform, are refused where they would be used.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_rows_reach_no_container() {
    use entity::{Tenant as _, environment_variable, shared_variable};
    use sea_orm::QueryFilter;
    use sea_orm::sea_query::Expr;
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let application = estate.application(&h, "web").await;
        h.ok::<SetSharedVariableOp>(owner, shared(None, None, "A", "1")).await;
        h.ok::<SetVariableOp>(owner, variable(&application, "X", "{{team.A}}")).await;
        let (db, write, scope) = (h.platform.database.read(), h.platform.database.write(), estate.tenant.scope);
        let load = async || config::load(db, &h.platform.keyring, scope, application.id).await;
        assert_eq!(load().await.unwrap().run_environment()["X"], "1");
        for key in ["LD_PRELOAD=/x\nA", "A B", "--env", "$(id)", "x;id", "1A", "", "\u{410}", "A\n"] {
            for refusal in [
                h.refused::<SetVariableOp>(owner, variable(&application, key, "x")).await,
                h.refused::<SetSharedVariableOp>(owner, shared(None, None, key, "x")).await,
            ] {
                assert_eq!(fields(&refusal), ["key"], "{key:?}");
            }
            environment_variable::Entity::update_in(scope)
                .col_expr(environment_variable::Column::Key, Expr::value(key))
                .exec(write)
                .await
                .unwrap();
            assert!(matches!(load().await, Err(services::Error::Invalid(_))), "{key:?}");
        }
        environment_variable::Entity::update_in(scope)
            .col_expr(environment_variable::Column::Key, Expr::value("X"))
            .exec(write)
            .await
            .unwrap();
        // A shared value that no check saw, sealed as it should be.
        use sea_orm::ColumnTrait;
        let row = shared_variable::Entity::find_in(scope).one(db).await.unwrap().unwrap();
        let sealed = h.platform.keyring.seal(&format!("shared_variables/{}", row.id), b"nul\0nul").unwrap();
        shared_variable::Entity::update_in(scope)
            .col_expr(shared_variable::Column::Sealed, Expr::value(sealed.clone()))
            .filter(shared_variable::Column::Id.eq(row.id))
            .exec(write)
            .await
            .unwrap();
        assert!(matches!(load().await, Err(services::Error::Invalid(_))));
        // Copied to another row, a sealed value does not open.
        let other = h.ok::<SetSharedVariableOp>(owner, shared(None, None, "B", "2")).await;
        shared_variable::Entity::update_in(scope)
            .col_expr(shared_variable::Column::Sealed, Expr::value(sealed))
            .filter(shared_variable::Column::Id.eq(other.id))
            .exec(write)
            .await
            .unwrap();
        let list = ListSharedVariables::default();
        assert_eq!(h.refused::<ListSharedVariablesOp>(owner, list).await.code, Code::Internal);
    })
    .await;
}
