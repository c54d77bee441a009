//! Comments at pull requests, over the interfaces of GitHub, Gitea (Forgejo) and GitLab. GitHub's address is the
//! operator's; the others' is that of the repository, which `outbound` lets tenants reach or not.

use crate::outbound::Outbound;
use crate::web::{Answer, Sent, Web, WebError};
use async_trait::async_trait;
use contract::webhooks::Provider;
use reqwest::Method;
use serde_json::{Value, json};
use services::previews::{CommentError, Comments, PullRequest};
use url::{Url, form_urlencoded};

/// A hundred comments.
const LARGEST: usize = 8 << 20;

pub struct ForgeComments {
    web: Web,
    /// `https://api.github.com`, without a trailing slash.
    github: String,
    /// Where GitHub is for browsers: its tokens go nowhere else.
    github_host: String,
}

/// Where a repository's comments are, and how its host wants to be asked.
struct Place {
    /// Those of this pull request.
    list: String,
    /// One of them: its id follows.
    one: String,
    change: Method,
    token: (String, String),
}

impl ForgeComments {
    pub fn new(outbound: Outbound, github_api: &str, github: &str) -> Self {
        Self {
            web: Web::new(outbound),
            github: github_api.trim_end_matches('/').to_owned(),
            github_host: github.trim_end_matches('/').to_owned(),
        }
    }

    fn place(&self, at: &PullRequest) -> Result<Place, CommentError> {
        let unreadable = || CommentError::Failed("nothing: the repository's address is none of its".to_owned());
        let url = Url::parse(at.url.as_str()).map_err(|_| unreadable())?;
        let path = url.path().trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        let bearer = |scheme: &str| ("authorization".to_owned(), format!("{scheme} {}", at.token.as_str()));
        let origin = url.origin().ascii_serialization();
        let (owner, name) = path.split_once('/').ok_or_else(unreadable)?;
        let number = at.number;
        match at.provider {
            Provider::Github | Provider::Gitea => {
                let plain = |part: &str| {
                    !part.is_empty()
                        && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
                };
                if !plain(owner) || !plain(name) {
                    return Err(unreadable());
                }
                let (base, token) = match at.provider {
                    Provider::Github if origin == self.github_host => (self.github.clone(), bearer("Bearer")),
                    Provider::Github => return Err(unreadable()),
                    _ => (format!("{origin}/api/v1"), bearer("token")),
                };
                let issues = format!("{base}/repos/{owner}/{name}/issues");
                Ok(Place {
                    list: format!("{issues}/{number}/comments"),
                    one: format!("{issues}/comments"),
                    change: Method::PATCH,
                    token,
                })
            }
            Provider::Gitlab => {
                let project: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
                let notes = format!("{origin}/api/v4/projects/{project}/merge_requests/{number}/notes");
                Ok(Place { list: notes.clone(), one: notes, change: Method::PUT, token: bearer("Bearer") })
            }
            Provider::Bitbucket => Err(CommentError::Failed("nothing: Bitbucket is not spoken to".to_owned())),
        }
    }

    /// The answer, or the status that refused it.
    async fn ask(
        &self,
        place: &Place,
        method: Method,
        url: &str,
        body: Option<Value>,
    ) -> Result<Result<Value, u16>, CommentError> {
        let mut headers = vec![("accept".to_owned(), "application/json".to_owned()), place.token.clone()];
        let body = body.map(|body| {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
            body.to_string().into_bytes()
        });
        let answer = self.web.send(Sent { method, url, headers: &headers, body }, LARGEST).await;
        let Answer { status, body } = answer.map_err(|error| match error {
            WebError::Unreachable(why) => CommentError::Unreachable(why),
            other => CommentError::Failed(other.to_string()),
        })?;
        match status {
            200 | 201 => serde_json::from_slice(&body).map(Ok).map_err(|_| CommentError::Failed("nonsense".to_owned())),
            429 | 500..=599 => Err(CommentError::Unreachable(format!("it answers {status}"))),
            status => Ok(Err(status)),
        }
    }
}

fn id_of(comment: &Value) -> Option<String> {
    comment["id"].as_u64().map(|id| id.to_string())
}

#[async_trait]
impl Comments for ForgeComments {
    async fn find(&self, at: &PullRequest, beginning: &str) -> Result<Option<String>, CommentError> {
        let place = self.place(at)?;
        let newest = match at.provider {
            Provider::Gitlab => "per_page=100&sort=desc&order_by=created_at",
            _ => "per_page=100&limit=100",
        };
        let url = format!("{}?{newest}", place.list);
        let listed = self.ask(&place, Method::GET, &url, None).await?.map_err(CommentError::NotAllowed)?;
        let ours = |one: &&Value| one["body"].as_str().is_some_and(|body| body.trim_start().starts_with(beginning));
        Ok(listed.as_array().into_iter().flatten().find(ours).and_then(id_of))
    }

    async fn create(&self, at: &PullRequest, text: &str) -> Result<String, CommentError> {
        let place = self.place(at)?;
        let made = self.ask(&place, Method::POST, &place.list, Some(json!({ "body": text }))).await?;
        let made = made.map_err(CommentError::NotAllowed)?;
        id_of(&made).ok_or_else(|| CommentError::Failed("without the comment's id".to_owned()))
    }

    async fn update(&self, at: &PullRequest, id: &str, text: &str) -> Result<bool, CommentError> {
        let place = self.place(at)?;
        let url = format!("{}/{id}", place.one);
        match self.ask(&place, place.change.clone(), &url, Some(json!({ "body": text }))).await? {
            Ok(_) => Ok(true),
            Err(404 | 410) => Ok(false),
            Err(status) => Err(CommentError::NotAllowed(status)),
        }
    }
}
