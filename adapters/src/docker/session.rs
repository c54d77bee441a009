//! The session of a build: the Engine's BuildKit asks it, over gRPC on a connection of its own, for the secrets that a
//! `RUN --mount=type=secret` names and for the credentials of registries. Nothing is sent that is not asked for, and
//! what is asked for never becomes part of an image.

use super::Source;
use super::protobuf::{put_bytes, put_number, text};
use super::wire::{self, Wire};
use bytes::{Buf, Bytes};
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use services::servers::engine::{BuildSecrets, EngineResult};
use std::sync::Arc;
use tokio_util::task::AbortOnDropHandle;

const SECRET: &str = "/moby.buildkit.secrets.v1.Secrets/GetSecret";
const CREDENTIALS: &str = "/moby.filesync.v1.Auth/Credentials";
const HEALTH: &str = "/grpc.health.v1.Health/Check";

/// As gRPC numbers them.
const OK: u8 = 0;
const NOT_FOUND: u8 = 5;
const UNIMPLEMENTED: u8 = 12;

/// No question is longer than this.
const LONGEST: usize = 64 * 1024;

/// Ends when it is dropped.
pub struct Session {
    pub id: String,
    _answers: AbortOnDropHandle<()>,
}

pub async fn open(engine: &Source, secrets: BuildSecrets) -> EngineResult<Session> {
    let id = uuid::Uuid::now_v7().simple().to_string();
    let mut request = format!(
        "POST /session HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\
         X-Docker-Expose-Session-Uuid: {id}\r\nX-Docker-Expose-Session-Name: canopy\r\n\
         X-Docker-Expose-Session-Sharedkey: \r\n"
    );
    for method in [SECRET, CREDENTIALS, HEALTH] {
        request.push_str(&format!("X-Docker-Expose-Session-Grpc-Method: {method}\r\n"));
    }
    request.push_str("\r\n");
    let wire = wire::upgraded(engine, &request).await?;
    let answers = tokio::spawn(async move {
        if let Err(error) = serve(wire, Arc::new(secrets)).await {
            tracing::debug!(%error, "a build's session ended");
        }
    });
    Ok(Session { id, _answers: AbortOnDropHandle::new(answers) })
}

async fn serve(wire: Box<dyn Wire>, secrets: Arc<BuildSecrets>) -> Result<(), h2::Error> {
    let mut connection = h2::server::handshake(wire).await?;
    while let Some(asked) = connection.accept().await {
        let (request, respond) = asked?;
        let secrets = secrets.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(request, respond, &secrets).await {
                tracing::debug!(%error, "a build's question was not answered");
            }
        });
    }
    Ok(())
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: SendResponse<Bytes>,
    secrets: &BuildSecrets,
) -> Result<(), h2::Error> {
    let method = request.uri().path().to_owned();
    let mut body = request.into_body();
    let mut received = Vec::new();
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        body.flow_control().release_capacity(chunk.len())?;
        if received.len() + chunk.len() <= LONGEST {
            received.extend_from_slice(&chunk);
        }
    }
    let (status, message) = answered(&method, unframed(&received), secrets);
    let mut head = Response::new(());
    head.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    let mut sending = respond.send_response(head, false)?;
    if status == OK {
        let mut framed = vec![0];
        framed.extend_from_slice(&u32::try_from(message.len()).unwrap_or_default().to_be_bytes());
        framed.extend_from_slice(&message);
        send(&mut sending, framed.into()).await?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from(u16::from(status)));
    sending.send_trailers(trailers)
}

/// Piece by piece, as the other side takes it.
async fn send(sending: &mut h2::SendStream<Bytes>, mut rest: Bytes) -> Result<(), h2::Error> {
    while rest.has_remaining() {
        sending.reserve_capacity(rest.len());
        let Some(room) = std::future::poll_fn(|task| sending.poll_capacity(task)).await else { return Ok(()) };
        let piece = rest.split_to(room?.min(rest.len()));
        sending.send_data(piece, false)?;
    }
    Ok(())
}

/// A message stands behind a flag and its length.
fn unframed(received: &[u8]) -> &[u8] {
    received.get(5..).unwrap_or_default()
}

fn answered(method: &str, question: &[u8], secrets: &BuildSecrets) -> (u8, Vec<u8>) {
    let mut message = Vec::new();
    match method {
        HEALTH => put_number(&mut message, 1, 1),
        SECRET => match secrets.values.get(&text(question, 1)) {
            Some(value) => put_bytes(&mut message, 1, value.as_bytes()),
            None => return (NOT_FOUND, message),
        },
        CREDENTIALS => {
            if let Some((user, password)) = secrets.registries.get(registry(&text(question, 1))) {
                put_bytes(&mut message, 1, user.as_bytes());
                put_bytes(&mut message, 2, password.as_bytes());
            }
        }
        _ => return (UNIMPLEMENTED, message),
    }
    (OK, message)
}

/// The public registry has several names.
fn registry(host: &str) -> &str {
    match host {
        "registry-1.docker.io" | "index.docker.io" | "https://index.docker.io/v1/" => "docker.io",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(word: &str) -> Vec<u8> {
        let mut message = Vec::new();
        put_bytes(&mut message, 1, word.as_bytes());
        message
    }

    #[test]
    fn only_what_was_given_is_answered() {
        let mut secrets = BuildSecrets::default();
        secrets.values.insert("TOKEN".to_owned(), "s3cret".to_owned());
        secrets.registries.insert("docker.io".to_owned(), ("me".to_owned(), "pass".to_owned()));
        let (status, message) = answered(SECRET, &question("TOKEN"), &secrets);
        assert_eq!((status, text(&message, 1).as_str()), (OK, "s3cret"));
        assert_eq!(answered(SECRET, &question("OTHER"), &secrets).0, NOT_FOUND);
        let (status, message) = answered(CREDENTIALS, &question("registry-1.docker.io"), &secrets);
        assert_eq!((status, text(&message, 1).as_str(), text(&message, 2).as_str()), (OK, "me", "pass"));
        assert_eq!(answered(CREDENTIALS, &question("elsewhere.example"), &secrets), (OK, Vec::new()));
        assert_eq!(answered("/moby.filesync.v1.FileSync/DiffCopy", &[], &secrets).0, UNIMPLEMENTED);
        assert_eq!(answered(HEALTH, &[], &secrets), (OK, vec![8, 1]));
    }
}
