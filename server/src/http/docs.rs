//! `/api/docs`: the OpenAPI document as a page to read. It has no script and no shell: it is for people without an
//! account too, and its search is a form.

use super::App;
use super::openapi::described;
use super::pages::theme_of;
use app::shell::Theme;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use leptos::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;
use style::docs as css;

pub fn routes() -> Router<App> {
    Router::new().route("/api/docs", get(serve))
}

#[derive(serde::Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

async fn serve(State(app): State<App>, headers: HeaderMap, Query(search): Query<Search>) -> Response {
    let policy = "default-src 'none'; style-src 'self'; font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                  frame-ancestors 'none'";
    let html = Owner::new().with(|| page(described(), &search.q, theme_of(&headers), &app));
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(format!("<!DOCTYPE html>{html}"))).into_response()
}

fn page(document: &Value, query: &str, theme: Theme, app: &App) -> String {
    let mut rooms = BTreeMap::<&str, Vec<(&str, &Value)>>::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let operation = if item["post"].is_object() { &item["post"] } else { &item["get"] };
        if matches(path, operation, query) {
            rooms.entry(operation["tags"][0].as_str().unwrap_or_default()).or_default().push((path, operation));
        }
    }
    let contents = rooms.keys().map(|room| view! { <a href=format!("#{room}")>{words(room)}</a> }).collect_view();
    let nothing = rooms.is_empty().then(
        || view! { <p>"No operation matches. Search for a part of its name, such as "<code>"deploy"</code>"."</p> },
    );
    let sections = rooms
        .into_iter()
        .map(|(room, operations)| {
            let operations =
                operations.into_iter().map(|(path, item)| operation(path, item, document, &app.config.public_url));
            view! { <section id=room.to_owned()><h2>{words(room)}</h2>{operations.collect_view()}</section> }
        })
        .collect_view();
    let types = document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, schema)| view! { <div class=css::TYPE id=format!("type-{name}")><h3>{name.clone()}</h3>{shape(schema)}</div> })
        .collect_view();
    view! {
        <html lang="en" data-theme=theme.attribute()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <title>"API · Canopy"</title>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="stylesheet" href=app.site.assets.css.clone() />
            </head>
            <body>
                <div class=css::ROOT>
                    <nav class=css::CONTENTS aria-label="Resources">
                        <a href="/">"Canopy"</a>
                        <form action="/api/docs" role="search">
                            <input type="search" name="q" value=query.to_owned() placeholder="Search operations" aria-label="Search operations" />
                        </form>
                        {contents}
                        <a href="#types">"Types"</a>
                    </nav>
                    <main class=css::BODY>{introduction()}{nothing}{sections}<section id="types"><h2>"Types"</h2>{types}</section></main>
                </div>
            </body>
        </html>
    }
    .to_html()
}

fn introduction() -> impl IntoView {
    view! {
        <header>
            <h1>"API"</h1>
            <p>
                "Every operation is " <code>"POST /api/v1/<resource>.<verb>"</code>
                " with a JSON object in and a JSON object out; reads answer " <code>"GET"</code>
                " with query parameters too. The same as a document for programs: "
                <a href="/api/openapi.json">"openapi.json"</a> "."
            </p>
            <ul>
                <li>"Send a key: " <code>"Authorization: Bearer canopy_..."</code> ". It acts in its own organization; the header " <code>"Organization: <id>"</code> " chooses another that its holder may act in."</li>
                <li>"A change takes " <code>"Idempotency-Key"</code> ": the same key with the same body answers the stored result, so a call can be repeated safely."</li>
                <li>"Lists answer " <code>"items"</code> " and " <code>"next_cursor"</code> "; pass that as " <code>"cursor"</code> " for the next page, and a " <code>"limit"</code> " from 1 to 200."</li>
                <li>"What goes wrong is " <code>"application/problem+json"</code> " with a stable " <code>"code"</code> ", what happened and what to do; wrong fields are named in " <code>"errors"</code> "."</li>
                <li>"Every answer says what is left: " <code>"RateLimit"</code> " and " <code>"RateLimit-Policy"</code> "; 429 comes with " <code>"Retry-After"</code> "."</li>
            </ul>
        </header>
    }
}

fn operation(path: &str, item: &Value, document: &Value, public_url: &str) -> AnyView {
    let name = path.trim_start_matches("/api/v1/").to_owned();
    let input = &item["requestBody"]["content"]["application/json"]["schema"];
    let answer = &item["responses"]["200"]["content"]["application/json"]["schema"];
    let facts = [("Needs", "x-access"), ("Rate class", "x-rate-class"), ("Audit event", "x-audit-event")]
        .into_iter()
        .filter_map(|(label, key)| Some((label, item[key].as_str()?.to_owned())))
        .map(|(label, text)| view! { <dt>{label}</dt><dd><code>{text}</code></dd> })
        .collect_view();
    let takes = input.is_object().then(|| view! { <h4>"Takes"</h4>{shape(resolve(document, input))} });
    let gives =
        answer.is_object().then(|| view! { <h4>"Answers " {kind(answer)}</h4>{shape(resolve(document, answer))} });
    let call = input.is_object().then(|| {
        format!(
            "curl {public_url}{path} \\\n  -H \"Authorization: Bearer $CANOPY_KEY\" -H 'Content-Type: application/json' \\\n  -d '{}'",
            example(document, resolve(document, input), 0)
        )
    });
    view! {
        <details class=css::OPERATION id=name.clone()>
            <summary><code>{name.clone()}</code><span>{item["summary"].as_str().unwrap_or_default().to_owned()}</span></summary>
            <p>{item["description"].as_str().unwrap_or_default().to_owned()}</p>
            <dl>{facts}</dl>
            {takes}
            {gives}
            {call.map(|call| view! { <h4>"Example"</h4><pre tabindex="0">{call}</pre> })}
        </details>
    }
    .into_any()
}

/// A type's fields as a table; a choice of shapes as one table after another; anything else in a word.
fn shape(schema: &Value) -> AnyView {
    let about = schema["description"].as_str().map(|text| view! { <p>{text.to_owned()}</p> });
    let choices = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(choices) = choices {
        let shapes = choices.iter().map(shape).collect_view();
        return view! { {about}{shapes} }.into_any();
    }
    let fields = schema["properties"].as_object().filter(|fields| !fields.is_empty());
    let Some(fields) = fields else {
        return view! { {about}<p>{if schema["properties"].is_object() { "Nothing.".into_any() } else { kind(schema) }}</p> }.into_any();
    };
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|each| each == name));
    let rows = fields
        .iter()
        .map(|(name, field)| {
            let text = field["description"].as_str().unwrap_or_default().to_owned();
            let needed = if required(name) { "" } else { "optional" };
            view! { <tr><td><code>{name.clone()}</code></td><td>{kind(field)}" "<small>{needed}</small></td><td>{text}</td></tr> }
        })
        .collect_view();
    view! { {about}<table><tbody>{rows}</tbody></table> }.into_any()
}

/// A field's type in a word, leading to the named type where there is one.
fn kind(schema: &Value) -> AnyView {
    if let Some(name) = type_name(schema) {
        return view! { <a href=format!("#type-{name}")>{name.to_owned()}</a> }.into_any();
    }
    if let Some(inner) = schema["oneOf"].as_array().and_then(|each| each.iter().find(|each| each["$ref"].is_string())) {
        return view! { {kind(inner)} " or null" }.into_any();
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().map(Value::to_string).collect();
        return view! { <code>{values.join(" | ")}</code> }.into_any();
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any"],
    };
    if names.contains(&"array") {
        return view! { "list of " {kind(&schema["items"])} }.into_any();
    }
    let format =
        schema["format"].as_str().filter(|format| !format.starts_with("int")).map(|format| format!(" ({format})"));
    view! { {names.join(" or ")}{format} }.into_any()
}

/// A body that shows the required fields.
fn example(document: &Value, schema: &Value, depth: usize) -> Value {
    let schema = resolve(document, schema);
    if let Some(first) = schema["oneOf"].as_array().and_then(|choices| choices.first()) {
        return example(document, first, depth);
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if depth > 4 {
        return Value::Null;
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("object"), _) => {
            let fields = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            fields.map(|name| (name.to_owned(), example(document, &schema["properties"][name], depth + 1))).collect()
        }
        (Some("array"), _) => Value::Array(vec![example(document, &schema["items"], depth + 1)]),
        (Some("integer" | "number"), _) => 1.into(),
        (Some("boolean"), _) => true.into(),
        (Some("string"), Some("uuid")) => "0192f5a0-0000-7000-8000-000000000000".into(),
        (Some("string"), Some("date-time")) => "2027-01-01T00:00:00Z".into(),
        _ => "...".into(),
    }
}

fn type_name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next())
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    type_name(schema).map_or(schema, |name| &document["components"]["schemas"][name])
}

fn matches(path: &str, operation: &Value, query: &str) -> bool {
    let text = format!("{path} {} {}", operation["summary"], operation["description"]).to_lowercase();
    query.to_lowercase().split_whitespace().all(|word| text.contains(word))
}

/// `api_keys` as people write it.
fn words(room: &str) -> String {
    let text = room.replace('_', " ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
