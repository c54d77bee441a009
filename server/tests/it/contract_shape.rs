//! The API's shape: nothing escapes the declarations, and the document changes only on purpose.

use super::running::root;
use app::operation::declared;
use services::operation::Kind;
use std::collections::BTreeSet;
use std::process::Command;

#[test]
fn no_server_function_escapes_the_declarations() {
    // Ours are never registered with Leptos: one that is was written without `#[operation]`.
    let strays: Vec<_> = server_fn::axum::server_fn_paths().collect();
    assert!(strays.is_empty(), "{strays:?}");
    let names: Vec<_> = declared().iter().map(|operation| operation.name()).collect();
    let unique: BTreeSet<_> = names.iter().collect();
    assert_eq!(unique.len(), names.len(), "two operations share a name");
}

#[test]
fn every_command_names_its_audit_event_and_every_query_none() {
    for operation in declared() {
        let spec = (operation.spec)();
        assert_eq!(spec.audit.is_some(), spec.kind == Kind::Command, "{}", spec.name);
        assert!(spec.doc.len() > 15, "{}: say what it does", spec.name);
    }
}

/// `UPDATE_OPENAPI=1 cargo nextest run -p server openapi` writes the snapshot anew.
#[test]
fn the_openapi_document_is_the_committed_one() {
    let output = Command::new(env!("CARGO_BIN_EXE_canopy")).arg("openapi").output().unwrap();
    let document = String::from_utf8(output.stdout).unwrap();
    let file = root().join("server/openapi.json");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        committed == document,
        "server/openapi.json is not what the operations say; look at the change, then UPDATE_OPENAPI=1"
    );
}

#[test]
fn every_reference_in_the_document_leads_somewhere() {
    let output = Command::new(env!("CARGO_BIN_EXE_canopy")).arg("openapi").output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut references = BTreeSet::new();
    collect_references(&document, &mut references);
    assert!(references.len() > 50, "{references:?}");
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
}

fn collect_references(value: &serde_json::Value, into: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            into.extend(map.get("$ref").and_then(|reference| reference.as_str()).map(str::to_owned));
            map.values().for_each(|each| collect_references(each, into));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|each| collect_references(each, into)),
        _ => {}
    }
}

/// Names that other programs call already.
#[test]
fn the_promised_operations_are_there() {
    let names: BTreeSet<_> = declared().iter().map(|operation| operation.name()).collect();
    for promised in [
        "projects.create",
        "servers.create",
        "servers.validate",
        "servers.get",
        "servers.list",
        "private_keys.create",
        "applications.create",
        "applications.update",
        "applications.get",
        "applications.list",
        "applications.delete",
        "applications.stop",
        "applications.start",
        "applications.restart",
        "environment_variables.set",
        "deployments.create",
        "deployments.get",
        "deployments.logs",
        "deployments.cancel",
        "deployments.list",
        "deployments.rollback",
        "organizations.get",
        "organizations.list",
        "members.invite",
        "members.list",
        "members.update",
        "members.remove",
        "api_keys.create",
        "api_keys.rotate",
        "api_keys.revoke",
        "api_keys.list",
        "audit_events.search",
    ] {
        assert!(names.contains(promised), "{promised} is gone");
    }
}
