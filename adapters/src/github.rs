//! GitHub's interface for apps, over http(s). Its address is the operator's; what it answers is believed no further than
//! its shape.

use crate::outbound::Outbound;
use crate::web::{Answer, Sent, Web, WebError};
use async_trait::async_trait;
use reqwest::Method;
use serde_json::{Value, json};
use services::github_apps::{AllGiven, Github, GithubError, Given, Named, NewApp, Right};
use zeroize::Zeroizing;

/// A hundred repositories are a megabyte at most.
const LARGEST: usize = 4 << 20;
/// Places at which an app is installed, and pages of a hundred repositories at each, that are looked through.
const INSTALLATIONS: usize = 10;
const PAGES: usize = 5;
const PAGE: usize = 100;

pub struct GithubApi {
    web: Web,
    /// `https://api.github.com`, without a trailing slash.
    base: String,
}

impl GithubApi {
    pub fn new(outbound: Outbound, base: &str) -> Self {
        Self { web: Web::new(outbound), base: base.trim_end_matches('/').to_owned() }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        jwt: Option<&str>,
        body: Option<Value>,
    ) -> Result<Value, GithubError> {
        let mut headers = vec![
            ("accept".to_owned(), "application/vnd.github+json".to_owned()),
            ("x-github-api-version".to_owned(), "2022-11-28".to_owned()),
        ];
        if let Some(jwt) = jwt {
            headers.push(("authorization".to_owned(), format!("Bearer {jwt}")));
        }
        let body = body.map(|body| {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            body.to_string().into_bytes()
        });
        let url = format!("{}{path}", self.base);
        let answer = self.web.send(Sent { method, url: &url, headers: &headers, body }, LARGEST).await;
        let Answer { status, body } = answer.map_err(|error| match error {
            WebError::Refused(why) | WebError::Unreachable(why) => GithubError::Unreachable(why),
            other => GithubError::Failed(other.to_string()),
        })?;
        match status {
            200 | 201 => serde_json::from_slice(&body).map_err(|_| GithubError::Failed("nonsense".to_owned())),
            404 => Err(GithubError::Unknown),
            status => Err(GithubError::Failed(status.to_string())),
        }
    }
}

impl GithubApi {
    /// A token of the app where it is installed, for no more than is asked for here.
    async fn installation_token(&self, id: u64, jwt: &str, wanted: Value) -> Result<Zeroizing<String>, GithubError> {
        let path = format!("/app/installations/{id}/access_tokens");
        let made = self.ask(Method::POST, &path, Some(jwt), Some(wanted)).await?;
        let token = made["token"].as_str().ok_or_else(|| GithubError::Failed("without a token".to_owned()))?;
        Ok(Zeroizing::new(token.to_owned()))
    }
}

/// None of what no source could name.
fn given(repository: &Value) -> Option<Given> {
    let name = repository["full_name"].as_str()?;
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let (owner, rest) = name.split_once('/')?;
    (plain(owner) && plain(rest)).then(|| Given {
        name: name.to_owned(),
        default_branch: repository["default_branch"].as_str().unwrap_or("main").to_owned(),
        private: repository["private"].as_bool().unwrap_or(true),
    })
}

#[async_trait]
impl Github for GithubApi {
    async fn convert(&self, code: &str) -> Result<NewApp, GithubError> {
        let made = self.ask(Method::POST, &format!("/app-manifests/{code}/conversions"), None, None).await?;
        let text = |name: &str| made[name].as_str().map(str::to_owned);
        let nonsense = || GithubError::Failed("without what an app needs".to_owned());
        Ok(NewApp {
            id: made["id"].as_u64().ok_or_else(nonsense)?,
            slug: text("slug").ok_or_else(nonsense)?,
            html_url: text("html_url").ok_or_else(nonsense)?,
            webhook_secret: Zeroizing::new(text("webhook_secret").ok_or_else(nonsense)?),
            pem: Zeroizing::new(text("pem").ok_or_else(nonsense)?),
        })
    }

    async fn repositories(&self, jwt: &str) -> Result<AllGiven, GithubError> {
        let installed = self.ask(Method::GET, "/app/installations?per_page=100", Some(jwt), None).await?;
        let installed: Vec<u64> =
            installed.as_array().into_iter().flatten().filter_map(|one| one["id"].as_u64()).collect();
        let mut all = AllGiven { items: Vec::new(), complete: installed.len() <= INSTALLATIONS };
        for id in installed.into_iter().take(INSTALLATIONS) {
            let wanted = json!({ "permissions": { "metadata": "read" } });
            let token = self.installation_token(id, jwt, wanted).await?;
            for page in 1.. {
                let path = format!("/installation/repositories?per_page={PAGE}&page={page}");
                let answer = self.ask(Method::GET, &path, Some(&token), None).await?;
                let found = answer["repositories"].as_array().cloned().unwrap_or_default();
                all.items.extend(found.iter().filter_map(given));
                if found.len() < PAGE {
                    break;
                }
                if page == PAGES {
                    all.complete = false;
                    break;
                }
            }
        }
        Ok(all)
    }

    async fn token(&self, jwt: &str, repository: &Named<'_>, right: Right) -> Result<Zeroizing<String>, GithubError> {
        let path = format!("/repos/{}/{}/installation", repository.owner, repository.name);
        let installation = self.ask(Method::GET, &path, Some(jwt), None).await?;
        let id =
            installation["id"].as_u64().ok_or_else(|| GithubError::Failed("without an installation".to_owned()))?;
        // For this repository and for this, whatever else the app may do.
        let permissions = match right {
            Right::Read => json!({ "contents": "read" }),
            Right::Comment => json!({ "pull_requests": "write" }),
        };
        let wanted = json!({ "repositories": [repository.name], "permissions": permissions });
        self.installation_token(id, jwt, wanted).await
    }
}
