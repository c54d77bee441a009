//! Every declared operation, for the HTTP edge, the OpenAPI document and the tests that walk all of them.

use futures::future::BoxFuture;
use serde_json::Value;
use services::Platform;
use services::caller::Caller;
use services::operation::{Answer, Operation, Refusal, Spec, perform};
use std::sync::Arc;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

type Performed<'a> = BoxFuture<'a, Result<Answer<Value>, Refusal>>;
type Schemas = Vec<(String, RefOr<Schema>)>;

/// One operation with its types erased.
pub struct Declared {
    pub spec: fn() -> &'static Spec,
    /// Runs it for a JSON body or a query string turned into JSON.
    pub run: for<'a> fn(&'a Arc<Platform>, &'a Arc<Caller>, Body) -> Performed<'a>,
    pub input: fn(&mut Schemas) -> RefOr<Schema>,
    pub output: fn(&mut Schemas) -> RefOr<Schema>,
}

/// An input as it arrived.
pub enum Body {
    Json(Vec<u8>),
    /// A form's body or a query string.
    Form(String),
}

impl Declared {
    pub const fn of<O>() -> Self
    where
        O: Operation,
        O::Input: ToSchema,
        O::Output: ToSchema,
    {
        Self {
            spec: O::spec,
            run: |platform, caller, body| Box::pin(run::<O>(platform, caller, body)),
            input: schema::<O::Input>,
            output: schema::<O::Output>,
        }
    }

    pub fn name(&self) -> &'static str {
        (self.spec)().name
    }
}

inventory::collect!(Declared);

/// All operations, by name.
pub fn declared() -> Vec<&'static Declared> {
    let mut all: Vec<_> = inventory::iter::<Declared>.into_iter().collect();
    all.sort_by_key(|declared| declared.name());
    all
}

async fn run<O: Operation>(
    platform: &Arc<Platform>,
    caller: &Arc<Caller>,
    body: Body,
) -> Result<Answer<Value>, Refusal> {
    let input = parse::<O::Input>(body).map_err(|error| refusal(error, caller))?;
    let answer = perform::<O>(platform, caller, input).await?;
    let output =
        serde_json::to_value(&answer.output).map_err(|error| refusal(services::Error::internal(error), caller))?;
    Ok(Answer { output, allowance: answer.allowance, session: answer.session, replayed: answer.replayed })
}

fn refusal(error: services::Error, caller: &Caller) -> Refusal {
    Refusal { error: error.into_contract(&caller.request_id), allowance: None }
}

fn parse<T: serde::de::DeserializeOwned>(body: Body) -> Result<T, services::Error> {
    let nul = match &body {
        Body::Json(bytes) => holds_nul(bytes),
        Body::Form(text) => text.contains("%00") || text.contains('\0'),
    };
    if nul {
        return Err(services::Error::field("input", "Remove the NUL character: no text may hold one."));
    }
    match body {
        Body::Json(bytes) => {
            // No body is the empty object, so operations without input can be called with nothing.
            let bytes = if bytes.iter().all(u8::is_ascii_whitespace) { b"{}".to_vec() } else { bytes };
            serde_json::from_slice(&bytes).map_err(|error| match error.classify() {
                serde_json::error::Category::Data => {
                    services::Error::field(missing_field(&error.to_string()), plain(&error.to_string()))
                }
                _ => services::Error::Malformed(format!("The body is not JSON: {}.", plain(&error.to_string()))),
            })
        }
        Body::Form(text) => serde_qs::Config::new(5, false).deserialize_str(&text).map_err(|error| {
            let text = error.to_string();
            services::Error::field(missing_field(&text), plain(&text))
        }),
    }
}

/// Whether a JSON text escapes a NUL. Neither PostgreSQL nor a process takes one, so it is refused for all fields here.
fn holds_nul(json: &[u8]) -> bool {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = &rest[at + 1..];
        if escape.starts_with(b"u0000") {
            return true;
        }
        // The escaped character may itself be a backslash.
        rest = escape.get(1..).unwrap_or_default();
    }
    false
}

/// The field that a parser's message names, or the whole input.
fn missing_field(message: &str) -> String {
    message.split('`').nth(1).filter(|_| message.contains("missing field")).unwrap_or("input").to_owned()
}

/// A parser's message without its position: the caller sent one short object.
fn plain(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).to_owned()
}

fn schema<T: ToSchema>(into: &mut Schemas) -> RefOr<Schema> {
    T::schemas(into);
    if T::schema_is_inline() {
        return T::schema();
    }
    into.push((T::name().into_owned(), T::schema()));
    RefOr::Ref(utoipa::openapi::Ref::from_schema_name(T::name()))
}

trait Inline: ToSchema {
    /// Generic and primitive types have no name of their own in the document.
    fn schema_is_inline() -> bool {
        let name = <Self as ToSchema>::name();
        name.contains('<') || matches!(<Self as PartialSchema>::schema(), RefOr::Ref(_))
    }
}

impl<T: ToSchema> Inline for T {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_nul_is_seen_and_an_escaped_backslash_is_none() {
        assert!(holds_nul(br#"{"a":"x\u0000"}"#));
        assert!(holds_nul(br#"{"a":"\\\u0000"}"#));
        assert!(!holds_nul(br#"{"a":"\\u0000"}"#));
        assert!(!holds_nul(br#"{"a":"\n"}"#));
    }
}
