//! Reads a Coolify through its API, version 4, into an export. The address is the operator's own, on their command line, so
//! it may be a private one. It never follows a redirect: the token would go elsewhere.

use serde_json::Value;
use services::imports::coolify::Export;
use std::time::Duration;
use url::Url;

/// One answer; the largest that is read is a team's list of applications.
const LARGEST: usize = 32 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);
/// Coolify takes 200 requests a minute; a refusal says for how long to wait.
const LONGEST_WAIT: u64 = 120;
const TRIES: u32 = 5;

pub struct Coolify {
    client: reqwest::Client,
    base: Url,
    token: String,
}

/// What an endpoint gave.
enum Answer {
    Found(Value),
    /// This version does not have it, or the token does not reach it.
    Refused(u16),
}

impl Coolify {
    /// `address` is that of its screens: `https://coolify.example.com`.
    pub fn new(address: &str, token: &str) -> Result<Self, String> {
        let refused = || "The address of the Coolify is like https://coolify.example.com.".to_owned();
        let mut base = Url::parse(address.trim()).map_err(|_| refused())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() || base.query().is_some() {
            return Err(refused());
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err("Leave names and passwords out of the address: the token opens it.".into());
        }
        let path = base.path().trim_end_matches('/').trim_end_matches("/api/v1").to_owned();
        base.set_path(&format!("{path}/api/v1/"));
        let token = token.trim().to_owned();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err("The token is empty, or not one that Coolify makes. Make one under Keys & Tokens there.".into());
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(PATIENCE)
            .build()
            .map_err(|error| format!("The HTTP client could not be made: {error}"))?;
        Ok(Self { client, base, token })
    }

    /// Everything that the token reaches.
    pub async fn read(&self) -> Result<Export, String> {
        let mut export = Export::new(self.base.as_str().trim_end_matches("/api/v1/"));
        export.servers = self.list(&["servers"]).await?;
        match self.get(&["version"]).await? {
            Answer::Found(Value::String(version)) => export.version = version.chars().take(40).collect(),
            Answer::Found(_) | Answer::Refused(_) => {}
        }
        match self.get(&["security", "keys"]).await? {
            Answer::Found(Value::Array(keys)) => export.private_keys = keys,
            _ => export.missing.push("Coolify did not give its private keys. Servers get new ones.".into()),
        }
        for server in &mut export.servers {
            let Some(uuid) = uuid(server) else { continue };
            // The list leaves out which key opens it.
            if let Answer::Found(mut whole @ Value::Object(_)) = self.get(&["servers", &uuid]).await? {
                for field in ["settings", "ip", "user", "port"] {
                    if whole.get(field).is_none_or(Value::is_null) {
                        whole[field] = server[field].clone();
                    }
                }
                *server = whole;
            }
            if let Answer::Found(Value::Array(resources)) = self.get(&["servers", &uuid, "resources"]).await? {
                export.server_resources.insert(uuid, resources);
            }
        }
        self.projects(&mut export).await?;
        self.applications(&mut export).await?;
        if let Answer::Found(Value::Array(variables)) = self.get(&["team", "envs"]).await? {
            export.team_variables = variables;
        } else {
            let words = "This version of Coolify does not give shared variables. What refers to them is left out.";
            export.missing.push(words.into());
        }
        export.check()?;
        Ok(export)
    }

    async fn projects(&self, export: &mut Export) -> Result<(), String> {
        for listed in self.list(&["projects"]).await? {
            let Some(project) = uuid(&listed) else { continue };
            let mut whole = match self.get(&["projects", &project]).await? {
                Answer::Found(whole @ Value::Object(_)) => whole,
                _ => listed,
            };
            if let Answer::Found(Value::Array(variables)) = self.get(&["projects", &project, "envs"]).await? {
                export.project_variables.insert(project.clone(), variables);
            }
            let mut environments = Vec::new();
            for environment in whole["environments"].as_array().cloned().unwrap_or_default() {
                let name = uuid(&environment).or_else(|| Some(environment["name"].as_str()?.to_owned()));
                let Some(name) = name else { continue };
                let path = ["projects", &project, "environments", &name, "envs"];
                if let Answer::Found(Value::Array(variables)) = self.get(&path).await? {
                    let id = uuid(&environment).unwrap_or_else(|| format!("{project}/{name}"));
                    export.environment_variables.insert(id, variables);
                }
                environments.push(match self.get(&["projects", &project, &name]).await? {
                    Answer::Found(details @ Value::Object(_)) => details,
                    _ => environment,
                });
            }
            whole["environments"] = environments.into();
            export.projects.push(whole);
        }
        Ok(())
    }

    async fn applications(&self, export: &mut Export) -> Result<(), String> {
        for listed in self.list(&["applications"]).await? {
            let Some(application) = uuid(&listed) else { continue };
            let mut whole = match self.get(&["applications", &application]).await? {
                Answer::Found(mut whole @ Value::Object(_)) => {
                    // Only the list says on which server it is.
                    if whole.get("destination").is_none_or(Value::is_null) {
                        whole["destination"] = listed["destination"].clone();
                    }
                    whole
                }
                _ => listed,
            };
            if let Answer::Found(variables @ Value::Array(_)) =
                self.get(&["applications", &application, "envs"]).await?
            {
                whole["envs"] = variables;
            }
            // Of where it is, its server's id is all that is needed; the rest holds secrets of the server.
            let server = whole.pointer("/destination/server/uuid").cloned().unwrap_or_default();
            whole["destination"] = serde_json::json!({ "server": { "uuid": server } });
            export.applications.push(whole);
        }
        Ok(())
    }

    /// A list without which there is nothing to bring over.
    async fn list(&self, path: &[&str]) -> Result<Vec<Value>, String> {
        match self.get(path).await? {
            Answer::Found(Value::Array(list)) => Ok(list),
            Answer::Found(_) => Err(format!("/{} did not answer with a list. Is this a Coolify of version 4?", path.join("/"))),
            Answer::Refused(401) => Err("Coolify does not take the token. Make one under Keys & Tokens there.".into()),
            Answer::Refused(403) => Err(
                "Coolify refuses: its API is not enabled, this address is not among the allowed ones, or the token may not read."
                    .into(),
            ),
            Answer::Refused(404) => {
                Err(format!("There is no /{} at this address. Is it the one of Coolify's screens?", path.join("/")))
            }
            Answer::Refused(status) => Err(format!("/{} answered with status {status}.", path.join("/"))),
        }
    }

    async fn get(&self, path: &[&str]) -> Result<Answer, String> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        for _ in 0..TRIES {
            let answer =
                self.client.get(url.clone()).bearer_auth(&self.token).header("accept", "application/json").send();
            let answer = answer.await.map_err(|error| unreachable(&error))?;
            let status = answer.status();
            if status.is_redirection() {
                return Err(
                    "The address leads elsewhere. Give the address that it leads to: the token is not sent on.".into(),
                );
            }
            if status.as_u16() == 429 {
                let wait = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                let wait = Duration::from_secs(wait.unwrap_or(10).clamp(1, LONGEST_WAIT));
                #[expect(
                    clippy::disallowed_methods,
                    reason = "Coolify says for how long, and nothing else tells when"
                )]
                tokio::time::sleep(wait).await;
                continue;
            }
            if !status.is_success() {
                return Ok(Answer::Refused(status.as_u16()));
            }
            return body(answer).await.map(Answer::Found);
        }
        Err("Coolify asks to wait again and again. Try later: what was saved or made stays.".into())
    }
}

/// Not longer than what is expected, however long it says to be.
async fn body(mut answer: reqwest::Response) -> Result<Value, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| unreachable(&error))? {
        if bytes.len() + chunk.len() > LARGEST {
            return Err("Coolify's answer is larger than 32 MiB.".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    // `/version` is a bare text.
    Ok(serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned())))
}

fn unreachable(error: &reqwest::Error) -> String {
    let why =
        if error.is_timeout() { "it does not answer in time" } else { "no connection could be made, or it broke off" };
    format!("The Coolify cannot be read: {why}. Check its address, and that this machine reaches it.")
}

/// Ids become parts of addresses, so only plain ones are followed.
fn uuid(object: &Value) -> Option<String> {
    let uuid = object.get("uuid")?.as_str()?;
    let plain = !uuid.is_empty() && uuid.len() <= 64 && uuid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plain.then(|| uuid.to_owned())
}
