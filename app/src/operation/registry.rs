//! Every declared operation, for the HTTP edge, the OpenAPI document and the tests that walk all of them.

use super::input::{Body, parse};
use futures::future::BoxFuture;
use services::Platform;
use services::caller::Caller;
use services::operation::{Answer, Operation, Refusal, Spec, perform};
use std::sync::Arc;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// With the output as JSON text.
type Performed<'a> = BoxFuture<'a, Result<Answer<Vec<u8>>, Refusal>>;
type Schemas = Vec<(String, RefOr<Schema>)>;

/// One operation with its types erased.
pub struct Declared {
    pub spec: fn() -> &'static Spec,
    /// Runs it for a JSON body or a query string turned into JSON.
    pub run: for<'a> fn(&'a Arc<Platform>, &'a Arc<Caller>, Body) -> Performed<'a>,
    pub input: fn(&mut Schemas) -> RefOr<Schema>,
    pub output: fn(&mut Schemas) -> RefOr<Schema>,
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
) -> Result<Answer<Vec<u8>>, Refusal> {
    let input = parse::<O::Input>(body).map_err(|error| refusal(error, caller))?;
    let answer = perform::<O>(platform, caller, input).await?;
    let output =
        serde_json::to_vec(&answer.output).map_err(|error| refusal(services::Error::internal(error), caller))?;
    Ok(Answer { output, allowance: answer.allowance, session: answer.session, replayed: answer.replayed })
}

fn refusal(error: services::Error, caller: &Caller) -> Refusal {
    Refusal { error: error.into_contract(&caller.request_id), allowance: None }
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
