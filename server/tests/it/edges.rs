//! Which crate may know which: an edge that the table does not list fails here.

use super::running::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Normal dependencies inside the workspace. `app -> services` is behind the feature `ssr`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("adapters", &["contract", "services"]),
    ("app", &["contract", "macros", "services", "style"]),
    ("benches", &[]),
    ("contract", &["macros"]),
    ("entity", &["contract"]),
    ("frontend", &["app"]),
    ("macros", &[]),
    ("migration", &[]),
    ("server", &["adapters", "app", "contract", "migration", "services", "style"]),
    ("services", &["contract", "entity"]),
    ("reaper", &[]),
    ("static-server", &[]),
    ("style", &[]),
];

/// What a floor must never know, whoever brings it.
const FORBIDDEN: &[(&str, &[&str])] = &[
    ("contract", &["axum", "reqwest", "tokio", "regex", "leptos"]),
    ("entity", &["axum", "reqwest", "leptos"]),
    ("services", &["axum", "leptos", "reqwest", "bollard", "lettre", "oauth2"]),
    ("adapters", &["leptos", "axum"]),
    ("app", &["sea-orm", "bollard", "reqwest"]),
];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Each package's normal dependencies by name.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter().filter(|each| each["kind"].is_null());
            let names = normal.map(|each| each["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn crates_know_only_what_lies_below_them() {
    let dependencies = dependencies();
    let members: BTreeSet<&str> = dependencies.keys().map(String::as_str).collect();
    let listed: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    assert_eq!(members, listed, "the table lists every crate");
    for (name, allowed) in ALLOWED {
        for dependency in &dependencies[*name] {
            let inside = members.contains(dependency.as_str());
            assert!(!inside || allowed.contains(&dependency.as_str()), "{name} may not depend on {dependency}");
        }
    }
    for (name, forbidden) in FORBIDDEN {
        for each in *forbidden {
            assert!(!dependencies[*name].contains(*each), "{name} may not know {each}");
        }
    }
}

#[test]
fn the_browser_bundle_knows_no_server_crate() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "frontend",
            "--target",
            "wasm32-unknown-unknown",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && tree.contains("app v"), "{tree}");
    for crate_name in ["services", "entity", "adapters", "sea-orm", "tokio"] {
        assert!(
            !tree.lines().any(|line| line.starts_with(&format!("{crate_name} v"))),
            "the bundle holds {crate_name}"
        );
    }
}
