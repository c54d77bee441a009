//! `/api/openapi.json`: made of the declared operations, so it can't say anything else than what they do.

use super::App;
use app::operation::{Declared, declared};
use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use services::operation::{Access, Kind};
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub fn routes() -> Router<App> {
    Router::new().route("/api/openapi.json", get(serve))
}

/// The document, made once: it says what this program does and nothing of who asks.
pub fn described() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    &DOCUMENT
}

async fn serve() -> Response {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| described().to_string());
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

/// The OpenAPI 3.1 document of every operation that is not internal.
pub fn document() -> Value {
    let mut schemas = Vec::new();
    let mut paths = BTreeMap::new();
    for operation in declared() {
        if !(operation.spec)().internal {
            paths.insert(format!("/api/v1/{}", operation.name()), path(operation, &mut schemas));
        }
    }
    for (name, item) in streams() {
        paths.insert(name.to_owned(), item);
    }
    let error = {
        use utoipa::{PartialSchema, ToSchema};
        contract::Error::schemas(&mut schemas);
        contract::Error::schema()
    };
    schemas.push(("Error".to_owned(), error));
    let schemas: BTreeMap<String, Value> =
        schemas.into_iter().map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default())).collect();
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Canopy", "version": "1", "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
                  "description": "Every operation is POST with a JSON object; reads answer GET with query parameters too." },
        "servers": [{ "url": "/" }],
        "security": [{ "key": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key." },
                "session": { "type": "apiKey", "in": "cookie", "name": "canopy", "description": "A browser's session." }
            },
            "responses": { "Problem": {
                "description": "What went wrong and what to do about it.",
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Error" } } }
            } }
        }
    })
}

type Schemas = Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>;

fn path(operation: &Declared, schemas: &mut Schemas) -> Value {
    let spec = (operation.spec)();
    let input = serde_json::to_value((operation.input)(schemas)).unwrap_or_default();
    let output = serde_json::to_value((operation.output)(schemas)).unwrap_or_default();
    let room = spec.name.split('.').next().unwrap_or_default();
    let (summary, description) = spec.doc.split_once(". ").map_or((spec.doc, ""), |(first, rest)| (first, rest));
    let mut described = json!({
        "operationId": spec.name,
        "tags": [room],
        "summary": summary.trim_end_matches('.'),
        "x-access": match spec.access {
            Access::Public => json!("public"),
            Access::SignedIn => json!("signed_in"),
            Access::Permission(permission) => serde_json::to_value(permission).unwrap_or_default(),
        },
        "x-rate-class": spec.rate.as_str(),
        "responses": {
            "200": { "description": "Done.", "content": { "application/json": { "schema": output } } },
            "default": { "$ref": "#/components/responses/Problem" }
        }
    });
    if !description.is_empty() {
        described["description"] = json!(description);
    }
    if let Some(audit) = spec.audit {
        described["x-audit-event"] = json!(audit);
    }
    if spec.access == Access::Public {
        described["security"] = json!([]);
    }
    let mut post = described.clone();
    post["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": input } } });
    let parameters = match spec.kind {
        Kind::Command => vec![
            json!({ "name": "Idempotency-Key", "in": "header", "schema": { "type": "string", "minLength": 1, "maxLength": 255 },
            "description": "The same key with the same body answers the stored result." }),
        ],
        Kind::Query => Vec::new(),
    };
    post["parameters"] = json!([parameters, vec![organization()]].concat());
    let mut item = json!({ "post": post });
    if spec.kind == Kind::Query {
        let mut get = described;
        get["operationId"] = json!(format!("{}.get_request", spec.name));
        get["parameters"] = json!([query_parameters(&input, schemas), vec![organization()]].concat());
        item["get"] = get;
    }
    item
}

fn organization() -> Value {
    json!({ "name": "Organization", "in": "header", "schema": { "type": "string", "format": "uuid" },
        "description": "Another organization that the caller may act in." })
}

/// The input's properties as query parameters.
fn query_parameters(input: &Value, schemas: &Schemas) -> Vec<Value> {
    let named = input["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()).and_then(|name| {
        schemas.iter().rev().find(|(each, _)| each == name).and_then(|(_, schema)| serde_json::to_value(schema).ok())
    });
    let schema = named.as_ref().unwrap_or(input);
    let required: Vec<&str> =
        schema["required"].as_array().map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default();
    let Some(properties) = schema["properties"].as_object() else { return Vec::new() };
    properties
        .iter()
        .map(|(name, schema)| json!({ "name": name, "in": "query", "required": required.contains(&name.as_str()), "schema": schema }))
        .collect()
}

/// The server-sent events and files, which are not operations but another form of one.
fn streams() -> Vec<(&'static str, Value)> {
    let stream = |id: &str, summary: &str, of: &str| {
        json!({ "get": {
            "operationId": id, "tags": [of.split('.').next().unwrap_or_default()], "summary": summary,
            "description": format!("Needs what {of} needs."),
            "parameters": [
                { "name": "id", "in": "query", "required": true, "schema": { "type": "string", "format": "uuid" } },
                { "name": "Last-Event-ID", "in": "header", "schema": { "type": "string" }, "description": "Resumes after this line." }
            ],
            "responses": {
                "200": { "description": "Server-sent events.", "content": { "text/event-stream": { "schema": { "type": "string" } } } },
                "default": { "$ref": "#/components/responses/Problem" }
            }
        } })
    };
    vec![
        (
            "/api/v1/deployments.export",
            json!({ "get": {
                "operationId": "deployments.export", "tags": ["deployments"], "summary": "Deployments as CSV",
                "description": "Those that deployments.list lists with the same query, all of them. Needs what it needs.",
                "responses": {
                    "200": { "description": "One row each.", "content": { "text/csv": { "schema": { "type": "string" } } } },
                    "default": { "$ref": "#/components/responses/Problem" }
                }
            } }),
        ),
        (
            "/api/v1/deployments.events",
            stream(
                "deployments.events",
                "Follows a deployment: `line`, `deployment` and `end` events",
                "deployments.logs",
            ),
        ),
        (
            "/api/v1/applications.log_events",
            stream(
                "applications.log_events",
                "Follows the running container's output: `line` events",
                "applications.get",
            ),
        ),
    ]
}
