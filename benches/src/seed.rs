//! One organization with fifty projects of two applications each, all made through the operations.

use crate::Result;
use crate::canopy::{Canopy, Installation};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, SET_COOKIE};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

const PROJECTS: usize = 50;
const APPLICATIONS: usize = 2;
const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "correct horse battery";

/// The first account; its key.
pub async fn account(installation: &Installation) -> Result<String> {
    let arguments =
        ["admin", "create", "--email", EMAIL, "--password-stdin", "--organization", "Acme", "--print-api-key"];
    let printed = installation.command(&arguments, &format!("{PASSWORD}\n")).await?;
    Ok(printed.split_whitespace().last().ok_or("no key was printed")?.to_owned())
}

/// The cookie of one who is signed in.
pub async fn sow(canopy: &Canopy, key: String) -> Result<String> {
    let mut calls = Calls::to(canopy, key).await?;
    let server = calls.call("servers.create", json!({ "name": "here", "connection": { "kind": "local" } })).await?;
    for number in 1..=PROJECTS {
        let input = json!({ "name": format!("Project {number}"), "description": "Shop, API and background work" });
        let project = calls.call("projects.create", input).await?;
        for application in 1..=APPLICATIONS {
            let input = json!({
                "environment_id": project["environments"][0]["id"],
                "server_id": server["id"],
                "name": format!("web-{application}"),
                "source": { "kind": "git", "url": "https://git.example.com/shop.git", "branch": "main" },
                "build": { "kind": "dockerfile" },
                "domains": [format!("web-{application}.project-{number}.example.com")],
            });
            calls.call("applications.create", input).await?;
        }
    }
    sign_in(&mut calls).await
}

/// The cookie of the first account's session.
pub async fn sign_in(calls: &mut Calls) -> Result<String> {
    let signed_in = calls.send("sessions.create", json!({ "email": EMAIL, "password": PASSWORD })).await?;
    let cookie = signed_in.headers().get(SET_COOKIE).ok_or("signing in set no cookie")?.to_str()?;
    Ok(cookie.split(';').next().unwrap_or_default().to_owned())
}

pub struct Calls {
    sender: SendRequest<Full<Bytes>>,
    key: String,
}

impl Calls {
    pub async fn to(canopy: &Canopy, key: String) -> Result<Self> {
        let stream = TcpStream::connect(canopy.address).await?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, key })
    }

    pub async fn call(&mut self, operation: &str, input: Value) -> Result<Value> {
        Ok(serde_json::from_slice(self.send(operation, input).await?.body())?)
    }

    async fn send(&mut self, operation: &str, input: Value) -> Result<Response<Bytes>> {
        let request = Request::post(format!("/api/v1/{operation}"))
            .header(HOST, "localhost")
            .header(AUTHORIZATION, format!("Bearer {}", self.key))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(input.to_string()))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        if !head.status.is_success() {
            return Err(format!("{operation} answered {}: {}", head.status, String::from_utf8_lossy(&body)).into());
        }
        Ok(Response::from_parts(head, body))
    }
}
