//! The browser's side of an operation, and the registry of all of them on the server's side.

use leptos::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};
use server_fn::{ServerFn, client::Client};

#[cfg(feature = "ssr")]
mod input;
#[cfg(feature = "hydrate")]
pub mod network;
#[cfg(feature = "ssr")]
mod registry;
#[cfg(feature = "ssr")]
pub use input::Body;
#[cfg(feature = "ssr")]
pub use registry::*;

/// The server's half of Leptos' calls. Ours are dispatched by the HTTP edge, so this one only fills the type.
#[cfg(feature = "ssr")]
pub type Backend = server_fn::axum::AxumServerFnBackend;
#[cfg(not(feature = "ssr"))]
pub type Backend = server_fn::mock::BrowserMockServer;

/// A problem document as Leptos' calls carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Failure(pub contract::Error);

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl From<contract::Error> for Failure {
    fn from(error: contract::Error) -> Self {
        Self(error)
    }
}

impl FromServerFnError for Failure {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        use contract::{Code, Error};
        Self(match error {
            ServerFnErrorErr::Args(detail) | ServerFnErrorErr::MissingArg(detail) => {
                Error::new(Code::Malformed, detail)
            }
            ServerFnErrorErr::Request(_) => {
                Error::new(Code::Unreachable, "The server did not answer. Check your connection and try again.")
            }
            ServerFnErrorErr::Deserialization(_) => return unreadable(),
            _ => Error::new(Code::Internal, "The request could not be made. Reload the page and try again."),
        })
    }
}

fn unreadable() -> Failure {
    let detail = "The answer could not be read. The platform may have been updated: reload the page.";
    Failure(contract::Error::new(contract::Code::Unreachable, detail))
}

/// What an answer's text says.
pub fn read<T: DeserializeOwned>(answer: &str) -> Result<T, Failure> {
    serde_json::from_str(answer).map_err(|_| unreadable())
}

/// The browser's half of a call. Only the types on the way in and out differ from operation to operation: all else is
/// in the program once.
#[cfg(feature = "hydrate")]
pub async fn ask<O: Call>(input: O::Input) -> Result<O::Output, Failure>
where
    O::Output: DeserializeOwned,
{
    let input = serde_json::to_string(&input).map_err(|error| ServerFnErrorErr::Serialization(error.to_string()));
    let input = input.map_err(Failure::from_server_fn_error)?;
    read(&network::post(O::PATH, network::JSON, input).await?)
}

/// What `#[operation]` adds to Leptos' own trait: the input by its contract type.
pub trait Call: ServerFn<Error = Failure> + Sized {
    type Input: Serialize + DeserializeOwned + Send + Sync + 'static;

    fn from_input(input: Self::Input) -> Self;
}

/// Calls an operation: over the network from a browser, in process while a page is rendered.
pub async fn call<O>(input: O::Input) -> Result<O::Output, Failure>
where
    O: Call,
    O::Client: Client<Failure>,
{
    #[cfg(feature = "ssr")]
    return O::from_input(input).run_body().await;
    #[cfg(not(feature = "ssr"))]
    return O::from_input(input).run_on_client().await;
}

/// Rendering a page calls operations in process, through the same gate, as the one who asked for the page.
#[cfg(feature = "ssr")]
pub async fn run_in_page<O: services::operation::Operation>(input: O::Input) -> Result<O::Output, Failure> {
    let Some(request) = use_context::<PageRequest>() else {
        return Err(Failure(contract::Error::new(contract::Code::Internal, "No request is being answered here.")));
    };
    match services::operation::perform::<O>(&request.platform, &request.caller, input).await {
        Ok(answer) => Ok(answer.output),
        Err(refusal) => Err(Failure(refusal.error)),
    }
}

/// For a page that asks one question after another: to be called after each answer. Parts of a page are drawn more than
/// once on the server, and what an abandoned drawing still asks would else no longer know for whom.
pub fn keep_asking() -> impl Fn() + Clone + Send + Sync + 'static {
    #[cfg(feature = "ssr")]
    let request = use_context::<PageRequest>();
    move || {
        #[cfg(feature = "ssr")]
        if let Some(request) = request.clone() {
            provide_context(request);
        }
    }
}

/// The browser never runs an operation's body.
#[cfg(not(feature = "ssr"))]
pub async fn run_in_page<O: ServerFn<Error = Failure>>(_: impl Sized) -> Result<O::Output, Failure> {
    Err(Failure(contract::Error::new(contract::Code::Internal, "Operations run on the server.")))
}

/// The request whose page is being rendered; provided by the HTTP edge.
#[cfg(feature = "ssr")]
#[derive(Clone)]
pub struct PageRequest {
    pub platform: std::sync::Arc<services::Platform>,
    pub caller: std::sync::Arc<services::caller::Caller>,
}
