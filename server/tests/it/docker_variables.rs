//! Values of variables through a real engine: what was given to the API is what stands in the container's environment.

use super::docker_deployments::{Place, docker};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test]
async fn values_reach_the_container_exactly() {
    let mut place = Place::new(json!({ "kind": "dockerfile" }), json!(null)).await;
    let mut given: BTreeMap<String, String> = BTreeMap::new();
    for value in [
        "$HOME ${HOME} $(id) `id` $$ %s",
        "it's \"quoted\" and \\escaped\\ \\n",
        "a # no comment",
        "{\"a\":{\"b\":[1,2,{\"c\":\"{{\"}]}}",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpA+/=\n-----END RSA PRIVATE KEY-----\n",
        "\n\nblank lines at both ends\n\n",
        "  blanks and\ttabs  ",
        "héllo wörld 日本 🦊 \u{202e}",
        "=a=b=",
        "",
        "line\r\nends",
        "{{7*7}} {{ .Values.x }} {{",
    ] {
        given.insert(format!("V{}", given.len()), value.to_owned());
    }
    let mut runner = TestRunner::deterministic();
    let random = "([\\$\"'#\\\\`{}=%\\n\\r\\t &|;<>]|\\PC){0,60}";
    while given.len() < 60 {
        let value = random.new_tree(&mut runner).unwrap().current();
        given.insert(format!("V{}", given.len()), value);
    }
    for (index, (key, value)) in given.iter().enumerate() {
        let input = json!({ "application_id": place.application, "key": key, "value": value,
            "run_time": true, "secret": index % 2 == 0, "literal": true });
        place.ok("environment_variables.set", input).await;
    }
    place.ok("shared_variables.set", json!({ "key": "PASSWORD", "value": "{{p$'\"w}}\n", "secret": true })).await;
    let refers = "pre {{organization.PASSWORD}} {{application.V0}} post";
    let input = json!({ "application_id": place.application, "key": "REFERS", "value": refers, "run_time": true });
    place.ok("environment_variables.set", input).await;
    given.insert("REFERS".into(), format!("pre {{{{p$'\"w}}}}\n {} post", given["V0"]));
    place.deploy_well().await;
    let label = format!("label=canopy.application={}", place.application);
    let container =
        docker(&["ps", "--filter", &label, "--filter", "label=canopy.role=application", "--format", "{{.ID}}"]);
    let environment = docker(&["exec", container.trim(), "cat", "/proc/1/environ"]);
    let found: BTreeMap<&str, &str> = environment.split('\0').filter_map(|entry| entry.split_once('=')).collect();
    for (key, value) in &given {
        assert_eq!(found.get(key.as_str()), Some(&value.as_str()), "{key}");
    }
    assert!(found.contains_key("PORT") && found.contains_key("CANOPY_DEPLOYMENT_ID"));
    place.clear();
}
