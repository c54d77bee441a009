//! Hostile text in every text field of every operation, as it comes over the wire: each is answered as a fault of the
//! caller's or as taken, never as one of ours.

use super::matrix::{in_order, schemas};
use super::running::{On, Running};
use super::seed::Seed;
use serde_json::Value;
use services::operation::{Access, Kind};

fn payloads() -> Vec<String> {
    let mut all: Vec<String> = [
        "",
        " ",
        "nul\0nul",
        "\r\nSet-Cookie: a=b",
        "' OR '1'='1",
        "../../etc/x",
        "%00%0a",
        "\u{202e}rtl",
        "\u{fffe}\u{1f642}",
        "-1",
        "{{team.X}}",
        "[\"a\"",
        "2026-02-30T25:61:61Z",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push("9".repeat(40));
    all.push("a".repeat(10_000));
    all
}

/// Where in the input there is a text.
fn texts(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::String(_) => into.push(at),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| texts(value, format!("{at}/{name}"), into)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, value)| texts(value, format!("{at}/{i}"), into)),
        _ => {}
    }
}

fn may_be_text(schema: &Value) -> bool {
    let kinds = &schema["type"];
    let options = ["oneOf", "anyOf"].iter().filter_map(|name| schema[name].as_array()).flatten();
    kinds == "string"
        || kinds.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "string"))
        || options.into_iter().any(may_be_text)
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_in_any_field_is_no_fault_of_ours() {
    for on in On::all("hostile_text_in_any_field_is_no_fault_of_ours") {
        let running = Running::start(on).await;
        let seed = Seed::sow(&running).await;
        let (mut asked, mut wrong) = (0, Vec::new());
        for operation in in_order() {
            let spec = (operation.spec)();
            // Those have tests of their own, at the pace of password hashes.
            if spec.access == Access::Public {
                continue;
            }
            let (schema, named) = schemas(operation);
            let good = seed.input(spec.name, &schema, &|name| named.get(name).cloned());
            let mut places = Vec::new();
            texts(&good, String::new(), &mut places);
            let optional = schema["properties"].as_object().into_iter().flatten().filter(|(_, one)| may_be_text(one));
            places.extend(optional.map(|(name, _)| format!("/{name}")).filter(|place| good.pointer(place).is_none()));
            for place in places {
                let (parent, name) = place.rsplit_once('/').unwrap();
                for payload in payloads() {
                    let mut input = good.clone();
                    match input.pointer_mut(parent).unwrap() {
                        Value::Array(items) => items[0] = payload.clone().into(),
                        fields => fields[name] = payload.clone().into(),
                    }
                    let (status, body) = running.call(&seed.owner, spec.name, input).await;
                    asked += 1;
                    if status >= 500 && status != 503 || status == 0 {
                        wrong.push(format!("{on:?} {} {place} {payload:.40?}: {status} {body}", spec.name));
                    }
                    if spec.kind == Kind::Query && parent.is_empty() {
                        let mut url = url::Url::parse(&format!("{}/api/v1/{}", running.url, spec.name)).unwrap();
                        for (field, value) in good.as_object().unwrap() {
                            if let Some(text) = value.as_str().filter(|_| field != name) {
                                url.query_pairs_mut().append_pair(field, text);
                            }
                        }
                        url.query_pairs_mut().append_pair(name, &payload);
                        let read = running.client.get(url).bearer_auth(&seed.owner).send().await.unwrap();
                        if read.status().as_u16() >= 500 && read.status().as_u16() != 503 {
                            wrong.push(format!("{on:?} GET {} {place} {payload:.40?}: {}", spec.name, read.status()));
                        }
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert!(asked > 1000, "only {asked} were asked");
    }
}
