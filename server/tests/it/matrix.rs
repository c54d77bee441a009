//! Every operation as everyone: made from the list of declared operations, so a new one is in it from its first day.

use super::running::{On, Running};
use super::seed::Seed;
use app::operation::{Declared, declared};
use contract::permissions::Role;
use serde_json::Value;
use services::operation::{Access, Kind};
use std::collections::BTreeMap;

/// The input's schema, and every schema it names.
pub(super) fn schemas(operation: &Declared) -> (Value, BTreeMap<String, Value>) {
    let mut named = Vec::new();
    let schema = serde_json::to_value((operation.input)(&mut named)).unwrap();
    let named = named.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap())).collect();
    (schema, named)
}

fn input(seed: &Seed, operation: &Declared) -> Value {
    let (schema, named) = schemas(operation);
    seed.input(operation.name(), &schema, &|name| named.get(name).cloned())
}

fn names_an_object(input: &Value) -> bool {
    input.as_object().is_some_and(|fields| fields.keys().any(|name| name == "id" || name.ends_with("_id")))
}

/// Operations that change what the others look at, or end the caller's own session, come last or not at all.
pub(super) fn in_order() -> Vec<&'static Declared> {
    let mut all = declared();
    all.sort_by_key(|operation| ((operation.spec)().kind == Kind::Command, operation.name()));
    all
}

#[tokio::test]
async fn every_operation_refuses_who_may_not_call_it() {
    for on in On::all("every_operation_refuses_who_may_not_call_it") {
        let running = Running::start(on).await;
        let seed = Seed::sow(&running).await;
        let mut wrong = Vec::new();
        for operation in in_order() {
            let spec = (operation.spec)();
            let input = input(&seed, operation);
            let name = spec.name;
            let mut expect = |who: &str, status: u16, body: &Value, fine: bool, wanted: &str| {
                if !fine {
                    wrong.push(format!("{on:?} {name} as {who}: {status}, not {wanted}: {body}"));
                }
            };

            let anonymous = running.post(name).json(&input).send().await.unwrap();
            let (status, body) = (anonymous.status().as_u16(), anonymous.json::<Value>().await.unwrap_or_default());
            match spec.access {
                Access::Public => {
                    expect("anonymous", status, &body, status != 403 && body["code"] != "NOT_SIGNED_IN", "let in")
                }
                _ => expect("anonymous", status, &body, status == 401 && body["code"] == "NOT_SIGNED_IN", "401"),
            }
            if spec.access == Access::Public {
                continue;
            }

            let (status, body) = running.call(&seed.without_scope, name, input.clone()).await;
            expect("key without scope", status, &body, status == 403 && body["code"] == "KEY_SCOPE_MISSING", "403");

            let Access::Permission(permission) = spec.access else { continue };
            let (status, body) = running.call(&seed.viewer, name, input.clone()).await;
            if Role::Viewer.allows(permission) {
                expect("viewer", status, &body, status == 200, "200");
            } else {
                expect("viewer", status, &body, status == 403 && body["code"] == "FORBIDDEN", "403");
            }

            let (status, body) = running.call(&seed.outsider, name, input.clone()).await;
            if names_an_object(&input) {
                expect("another organization", status, &body, status == 404 && body["code"] == "NOT_FOUND", "404");
                // Somebody else's id and one that never was look the same, word for word.
                let unknown = unknown_ids(&input);
                let (status_unknown, mut body_unknown) = running.call(&seed.outsider, name, unknown).await;
                let mut foreign = body.clone();
                for each in [&mut foreign, &mut body_unknown] {
                    each["request_id"] = Value::Null;
                }
                expect(
                    "another organization",
                    status_unknown,
                    &body_unknown,
                    body_unknown == foreign,
                    "the same as for a foreign id",
                );
            } else {
                let text = body.to_string();
                let leaked = seed.ids.iter().find(|(room, id)| *room != "sessions" && text.contains(id.as_str()));
                expect("another organization", status, &body, leaked.is_none(), "free of the first one's ids");
            }

            let inside =
                running.post(name).bearer_auth(&seed.outsider).header("organization", seed.organization.to_string());
            let status = inside.json(&input).send().await.unwrap().status().as_u16();
            expect("another organization, by header", status, &Value::Null, status == 404, "404");
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

/// The same input with ids that never existed.
fn unknown_ids(input: &Value) -> Value {
    let mut input = input.clone();
    if let Some(fields) = input.as_object_mut() {
        for (name, value) in fields.iter_mut() {
            if name == "id" || name.ends_with("_id") {
                *value = uuid::Uuid::now_v7().to_string().into();
            }
        }
    }
    input
}

#[tokio::test]
async fn every_read_answers_its_owner() {
    for on in On::all("every_read_answers_its_owner") {
        let running = Running::start(on).await;
        let seed = Seed::sow(&running).await;
        let mut wrong = Vec::new();
        for operation in in_order() {
            let spec = (operation.spec)();
            if spec.kind == Kind::Command || spec.access == Access::Public {
                continue;
            }
            let input = input(&seed, operation);
            let (status, body) = running.call(&seed.owner, spec.name, input.clone()).await;
            if status != 200 {
                wrong.push(format!("{on:?} {}: {status} {body}", spec.name));
            }
            let query = input
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())));
            let url = url::Url::parse_with_params(&format!("{}/api/v1/{}", running.url, spec.name), query).unwrap();
            let read = running.client.get(url).bearer_auth(&seed.owner).send().await.unwrap();
            let (status, read) = (read.status().as_u16(), read.json::<Value>().await.unwrap());
            if (status, &read) != (200, &body) {
                wrong.push(format!("{on:?} GET {}: {status} {read}", spec.name));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
