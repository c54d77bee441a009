//! What a delivery says, read from each provider's own words into ours. Pure: it takes what was signed and believes no
//! more of it than its shape.

use super::Provider;
use crate::values::{CommitId, GitRef};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The provider's name of the event.
    pub event: String,
    /// `owner/name`, where it says so.
    pub repository: Option<String>,
    /// Where it is, for browsers.
    pub address: Option<String>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Ping,
    /// Bitbucket tells several at once.
    Pushes(Vec<Push>),
    Pull(Pull),
    /// Nothing that is acted on.
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Push {
    pub tag: bool,
    pub name: String,
    /// None: it was deleted.
    pub commit: Option<CommitId>,
    /// Of the newest commit.
    pub message: String,
    pub by: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullAction {
    Opened,
    Updated,
    Closed,
    Other,
}

/// A pull or merge request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    pub number: u64,
    pub action: PullAction,
    pub branch: String,
    /// Into which it would go.
    pub base: String,
    pub head: Option<CommitId>,
    pub title: String,
    pub by: String,
    /// Its branch is in another repository.
    pub fork: bool,
}

/// What is longer is cut.
const LONGEST: usize = 200;

/// None when it is not what the provider sends. `name` is the event's, from the provider's header.
pub fn read(provider: Provider, name: &str, body: &[u8]) -> Option<Told> {
    let body: Value = match serde_json::from_slice(body) {
        Ok(body) => body,
        // GitHub's form proposes the content type of forms.
        Err(_) => {
            let (_, payload) = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload")?;
            serde_json::from_str(&payload).ok()?
        }
    };
    let (repository, address, what) = match provider {
        Provider::Github | Provider::Gitea => ("/repository/full_name", "/repository/html_url", github(name, &body)?),
        Provider::Gitlab => ("/project/path_with_namespace", "/project/web_url", gitlab(&body)?),
        Provider::Bitbucket => ("/repository/full_name", "/repository/links/html/href", bitbucket(name, &body)?),
    };
    Some(Told { event: cut(name), repository: text(&body, repository), address: text(&body, address), what })
}

fn text(body: &Value, at: &str) -> Option<String> {
    Some(body.pointer(at)?.as_str()?.to_owned())
}

/// One line of a sensible length.
fn cut(text: &str) -> String {
    text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

fn said(body: &Value, places: &[&str]) -> String {
    places.iter().find_map(|at| body.pointer(at)?.as_str()).map(cut).unwrap_or_default()
}

fn commit(body: &Value, at: &str) -> Option<CommitId> {
    let id = body.pointer(at)?.as_str()?;
    // All zeros stand for nothing.
    CommitId::parse(id).ok().filter(|_| id.bytes().any(|b| b != b'0'))
}

/// `refs/heads/main`; a name that is no branch's is taken for none.
fn reference(full: &str) -> Option<(bool, String)> {
    let (tag, name) = match full.strip_prefix("refs/heads/") {
        Some(name) => (false, name),
        None => (true, full.strip_prefix("refs/tags/")?),
    };
    GitRef::parse(name).ok().map(|name| (tag, name.to_string()))
}

/// Gitea and Forgejo speak as GitHub does.
fn github(name: &str, body: &Value) -> Option<What> {
    Some(match name {
        "ping" => What::Ping,
        "push" => {
            let Some((tag, name)) = reference(body.pointer("/ref")?.as_str()?) else { return Some(What::Other) };
            let deleted = body.pointer("/deleted").and_then(Value::as_bool).unwrap_or(false);
            What::Pushes(vec![Push {
                tag,
                name,
                commit: commit(body, "/after").filter(|_| !deleted),
                message: whole(body, &["/head_commit/message", "/commits/0/message"]),
                by: said(body, &["/sender/login", "/pusher/login", "/pusher/name"]),
            }])
        }
        "pull_request" | "pull_request_sync" => {
            let action = match body.pointer("/action")?.as_str()? {
                "opened" | "reopened" => PullAction::Opened,
                "synchronize" | "synchronized" => PullAction::Updated,
                "closed" => PullAction::Closed,
                _ => PullAction::Other,
            };
            let head = text(body, "/pull_request/head/repo/full_name");
            let base = text(body, "/pull_request/base/repo/full_name");
            What::Pull(Pull {
                number: body.pointer("/number").or_else(|| body.pointer("/pull_request/number"))?.as_u64()?,
                action,
                branch: said(body, &["/pull_request/head/ref"]),
                base: said(body, &["/pull_request/base/ref"]),
                head: commit(body, "/pull_request/head/sha"),
                title: said(body, &["/pull_request/title"]),
                by: said(body, &["/sender/login", "/pull_request/user/login"]),
                // A fork that was deleted has no name any more.
                fork: head.is_none() || head != base,
            })
        }
        _ => What::Other,
    })
}

/// The whole message, as text that can be kept: what says not to deploy may stand anywhere in it.
fn whole(body: &Value, places: &[&str]) -> String {
    let found = places.iter().find_map(|at| body.pointer(at)?.as_str()).unwrap_or_default();
    found.chars().filter(|c| !c.is_control() || c.is_whitespace()).take(10_000).collect()
}

fn gitlab(body: &Value) -> Option<What> {
    Some(match body.pointer("/object_kind")?.as_str()? {
        "push" | "tag_push" => {
            let Some((tag, name)) = reference(body.pointer("/ref")?.as_str()?) else { return Some(What::Other) };
            let after = commit(body, "/after");
            // A tag's own object is not the commit that it stands for.
            let commit = after.as_ref().and_then(|_| commit(body, "/checkout_sha")).or_else(|| after.clone());
            let commits = body.pointer("/commits").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let newest = commits.iter().find(|one| one["id"].as_str() == commit.as_ref().map(CommitId::as_str));
            What::Pushes(vec![Push {
                tag,
                name,
                commit: commit.filter(|_| after.is_some()),
                message: newest.map(|one| whole(one, &["/message"])).unwrap_or_default(),
                by: said(body, &["/user_username", "/user_name"]),
            }])
        }
        "merge_request" => {
            let action = match body.pointer("/object_attributes/action").and_then(Value::as_str) {
                Some("open" | "reopen") => PullAction::Opened,
                // Without it only words were changed.
                Some("update") if body.pointer("/object_attributes/oldrev").is_some() => PullAction::Updated,
                Some("close" | "merge") => PullAction::Closed,
                _ => PullAction::Other,
            };
            let id = |at| body.pointer(at).and_then(Value::as_u64);
            let (source, target) =
                (id("/object_attributes/source_project_id"), id("/object_attributes/target_project_id"));
            What::Pull(Pull {
                number: id("/object_attributes/iid")?,
                action,
                branch: said(body, &["/object_attributes/source_branch"]),
                base: said(body, &["/object_attributes/target_branch"]),
                head: commit(body, "/object_attributes/last_commit/id"),
                title: said(body, &["/object_attributes/title"]),
                by: said(body, &["/user/username", "/user/name"]),
                fork: source.is_none() || source != target,
            })
        }
        _ => What::Other,
    })
}

fn bitbucket(name: &str, body: &Value) -> Option<What> {
    let by = || said(body, &["/actor/nickname", "/actor/display_name"]);
    let pull = |action| {
        let source = text(body, "/pullrequest/source/repository/full_name");
        let target = text(body, "/pullrequest/destination/repository/full_name");
        Some(What::Pull(Pull {
            number: body.pointer("/pullrequest/id")?.as_u64()?,
            action,
            branch: said(body, &["/pullrequest/source/branch/name"]),
            base: said(body, &["/pullrequest/destination/branch/name"]),
            // It says twelve digits; the branch is asked for the rest.
            head: commit(body, "/pullrequest/source/commit/hash"),
            title: said(body, &["/pullrequest/title"]),
            by: by(),
            fork: source.is_none() || source != target,
        }))
    };
    match name {
        "repo:push" => {
            let changes = body.pointer("/push/changes")?.as_array()?;
            let pushes = changes.iter().filter_map(|change| {
                let (state, kept) = match change.get("new").filter(|new| !new.is_null()) {
                    Some(new) => (new, true),
                    None => (change.get("old")?, false),
                };
                let name = GitRef::parse(state.get("name")?.as_str()?).ok()?;
                Some(Push {
                    tag: state.get("type").and_then(Value::as_str) == Some("tag"),
                    name: name.to_string(),
                    commit: commit(state, "/target/hash").filter(|_| kept),
                    message: whole(state, &["/target/message"]),
                    by: by(),
                })
            });
            Some(What::Pushes(pushes.collect()))
        }
        "pullrequest:created" => pull(PullAction::Opened),
        "pullrequest:updated" => pull(PullAction::Updated),
        "pullrequest:fulfilled" | "pullrequest:rejected" => pull(PullAction::Closed),
        "diagnostics:ping" => Some(What::Ping),
        _ => Some(What::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! payload {
        ($name:literal) => {
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/payloads/", $name, ".json"))
        };
    }

    fn pushes(provider: Provider, name: &str, body: &[u8]) -> Vec<Push> {
        match read(provider, name, body).unwrap().what {
            What::Pushes(pushes) => pushes,
            other => panic!("{other:?}"),
        }
    }

    fn pull(provider: Provider, name: &str, body: &[u8]) -> Pull {
        match read(provider, name, body).unwrap().what {
            What::Pull(pull) => pull,
            other => panic!("{other:?}"),
        }
    }

    fn push(tag: bool, name: &str, commit: &str, message: &str, by: &str) -> Push {
        let commit = CommitId::parse(commit).ok();
        Push { tag, name: name.into(), commit, message: message.into(), by: by.into() }
    }

    #[test]
    fn a_form_says_the_same_as_its_payload() {
        let plain = payload!("github-push").as_slice();
        let form: String = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", std::str::from_utf8(plain).unwrap())
            .finish();
        assert_eq!(read(Provider::Github, "push", form.as_bytes()), read(Provider::Github, "push", plain));
        assert!(read(Provider::Github, "push", plain).is_some());
    }

    #[test]
    fn pushes_are_read_from_every_providers_words() {
        const NEWEST: &str = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
        let check = |provider, name: &str, body: &[u8], expected: Vec<Push>| {
            assert_eq!(pushes(provider, name, body), expected, "{provider:?}");
        };
        let by = "Codertocat";
        let expected = vec![push(false, "master", NEWEST, "Initial commit", by)];
        check(Provider::Github, "push", payload!("github-push"), expected);
        let expected = vec![push(true, "simple-tag", NEWEST, "Adding a .gitignore file", by)];
        check(Provider::Github, "push", payload!("github-tag"), expected);
        let expected = vec![push(true, "simple-tag", "", "", by)];
        check(Provider::Github, "push", payload!("github-tag-deleted"), expected);
        let newest = "da1560886d4f094c3e6c9ef40349f7d38b5d27d7";
        // The message of the newest, not of the first.
        let expected = vec![push(false, "master", newest, "fixed readme", "jsmith")];
        check(Provider::Gitlab, "Push Hook", payload!("gitlab-push"), expected);
        let newest = "bffeb74224043ba2feb48d137756c8a9331c449a";
        let expected = vec![push(false, "develop", newest, "Webhooks Yay!", "gitea")];
        check(Provider::Gitea, "push", payload!("gitea-push"), expected);
        let newest = "709d658dc5b6d6afcd46049c2f332ee3f515a67d";
        let expected = vec![
            push(false, "other-branch", "1111111111111111111111111111111111111111", "elsewhere\n", "emmap1"),
            push(false, "name-of-branch", newest, "new commit message\n", "emmap1"),
        ];
        check(Provider::Bitbucket, "repo:push", payload!("bitbucket-push"), expected);
    }

    #[test]
    fn pull_requests_are_read_from_every_providers_words() {
        let opened = pull(Provider::Github, "pull_request", payload!("github-pull-opened"));
        assert_eq!((opened.number, opened.action, opened.fork), (2, PullAction::Opened, false));
        assert_eq!((opened.branch.as_str(), opened.base.as_str()), ("changes", "master"));
        assert_eq!(opened.head.unwrap().as_str(), "ec26c3e57ca3a959ca5aad62de7213c562f8c821");
        let again = pull(Provider::Github, "pull_request", payload!("github-pull-synchronize"));
        assert_eq!(again.action, PullAction::Updated);
        let closed = pull(Provider::Github, "pull_request", payload!("github-pull-closed"));
        assert_eq!(closed.action, PullAction::Closed);
        let merge = pull(Provider::Gitlab, "Merge Request Hook", payload!("gitlab-merge"));
        assert_eq!((merge.number, merge.action, merge.fork, merge.by.as_str()), (7, PullAction::Opened, false, "root"));
        let pull = pull(Provider::Bitbucket, "pullrequest:created", payload!("bitbucket-pull"));
        assert_eq!((pull.number, pull.head, pull.branch.as_str()), (1, None, "branch2"));
    }

    #[test]
    fn a_fork_is_told_from_the_repository_itself() {
        let text = std::str::from_utf8(payload!("github-pull-opened")).unwrap();
        let mut body: Value = serde_json::from_str(text).unwrap();
        body["pull_request"]["head"]["repo"]["full_name"] = "stranger/Hello-World".into();
        let from = |body: &Value| pull(Provider::Github, "pull_request", body.to_string().as_bytes());
        assert!(from(&body).fork);
        body["pull_request"]["head"]["repo"] = Value::Null;
        assert!(from(&body).fork, "a fork that was deleted");
    }

    #[test]
    fn what_is_no_delivery_is_none_and_hostile_names_are_nothing() {
        for body in [&b""[..], b"{", b"[]", b"payload=%7B%7D", b"{\"ref\": 1}"] {
            assert_eq!(read(Provider::Github, "push", body), None);
        }
        for name in ["refs/heads/--upload-pack=x", "refs/heads/a..b", "refs/heads/", "refs/notes/x", "main", "$(id)"] {
            let body = serde_json::json!({ "ref": name, "after": "1".repeat(40) }).to_string();
            assert_eq!(read(Provider::Github, "push", body.as_bytes()).unwrap().what, What::Other, "{name}");
        }
        let body = serde_json::json!({ "ref": "refs/heads/main", "after": "$(id)" }).to_string();
        assert_eq!(pushes(Provider::Github, "push", body.as_bytes())[0].commit, None);
        // A number is a number, whatever it looks like.
        let body = serde_json::json!({ "action": "opened", "number": "2" }).to_string();
        assert_eq!(read(Provider::Github, "pull_request", body.as_bytes()), None);
    }
}
