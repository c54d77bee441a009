//! One request of the browser to the platform.

use super::{Failure, read};
use futures::future::BoxFuture;
use gloo_net::http::Request;
use send_wrapper::SendWrapper;
use server_fn::error::{FromServerFnError, ServerFnErrorErr};

pub const JSON: &str = "application/json";
pub const FORM: &str = "application/x-www-form-urlencoded";

/// Posts to an operation; the text of its answer, or why there is none.
pub fn post(
    path: &'static str,
    content_type: &'static str,
    body: String,
) -> BoxFuture<'static, Result<String, Failure>> {
    Box::pin(SendWrapper::new(async move {
        let (ok, text) = answer(path, content_type, body)
            .await
            .map_err(|error| Failure::from_server_fn_error(ServerFnErrorErr::Request(error.to_string())))?;
        if ok { Ok(text) } else { Err(read(&text).unwrap_or_else(|unreadable| unreadable)) }
    }))
}

async fn answer(path: &str, content_type: &str, body: String) -> Result<(bool, String), gloo_net::Error> {
    let request = Request::post(path).header("accept", JSON).header("content-type", content_type).body(body)?;
    let response = request.send().await?;
    Ok((response.ok(), response.text().await?))
}
