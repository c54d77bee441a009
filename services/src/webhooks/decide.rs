//! What a delivery means for an application, by its rules. Pure.

use super::event::{PullAction, Push, Told, What};
use super::patterns;
use crate::applications::config::Source;
use crate::previews::Pull;
use crate::values::{CommitId, GitRef};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    pub automatic: bool,
    pub branches: Option<String>,
    pub tags: Option<String>,
    pub previews: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { automatic: true, branches: None, tags: None, previews: false }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// For the list.
    pub summary: String,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Ignore(String),
    Deploy(Wanted),
    /// The preview follows its pull request.
    Follow(Pull),
}

/// The version to deploy, if what changed matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    pub commit: String,
    pub branch: String,
    pub message: String,
    /// "Push by octocat to main".
    pub words: String,
    pub by: String,
}

const SKIPS: [&str; 5] = ["[skip ci]", "[ci skip]", "[no ci]", "[skip deploy]", "[deploy skip]"];

pub fn meaning(told: &Told, source: &Source, rules: &Rules) -> Meaning {
    let ignore = |summary: String, why: &str| Meaning { summary, verdict: Verdict::Ignore(why.to_owned()) };
    let Source::Git { url, branch, commit: pinned, .. } = source else {
        return ignore(event_words(told), "The application does not come from a repository.");
    };
    if let What::Ping = told.what {
        return ignore("Ping".into(), "The webhook works.");
    }
    if is_elsewhere(told, url.as_str()) {
        return ignore(event_words(told), "It tells of another repository than the application's.");
    }
    let pushes = match &told.what {
        What::Pushes(pushes) => pushes,
        What::Pull(pull) => {
            let did = match pull.action {
                PullAction::Opened => "opened",
                PullAction::Updated => "changed",
                PullAction::Closed => "closed",
                PullAction::Other => "edited",
            };
            let summary = format!("Pull request {} {did} by {}: {}", pull.number, pull.by, pull.title);
            // Also when previews were switched off since: one that is there is removed.
            let closed = pull.action == PullAction::Closed;
            if pull.action == PullAction::Other {
                return ignore(summary, "Its code did not change.");
            }
            if !rules.previews && !closed {
                return ignore(summary, "Previews are off for this application.");
            }
            if pull.base != branch.as_str() && !closed {
                return ignore(summary, &format!("It would go into {}; the application follows {branch}.", pull.base));
            }
            let (Ok(number), Ok(head)) = (i64::try_from(pull.number), GitRef::parse(&pull.branch)) else {
                return ignore(summary, "Its number or branch cannot be read.");
            };
            let pull = Pull {
                number,
                closed,
                branch: head.to_string(),
                commit: pull.head.as_ref().map(ToString::to_string),
                title: pull.title.clone(),
                by: pull.by.clone(),
                fork: pull.fork,
            };
            return Meaning { summary, verdict: Verdict::Follow(pull) };
        }
        What::Ping | What::Other => return ignore(event_words(told), "Nothing is deployed for events of this kind."),
    };
    let ours = |push: &&Push| {
        let pattern = if push.tag { rules.tags.as_deref() } else { rules.branches.as_deref() };
        match pattern {
            Some(pattern) => patterns::matches(pattern, &push.name),
            // A source may name a tag; then it is one that is moved.
            None => push.name == branch.as_str(),
        }
    };
    let Some(push) = pushes.iter().find(ours) else {
        let summary = pushes.first().map_or_else(|| "A push of nothing".to_owned(), push_words);
        let wanted = rules.branches.as_deref().unwrap_or(branch.as_str());
        return ignore(summary, &format!("The application follows {wanted}."));
    };
    let summary = push_words(push);
    let Some(commit) = &push.commit else { return ignore(summary, "It was deleted; what serves stays.") };
    if pinned.is_some() {
        return ignore(
            summary,
            "The application stays with one commit. Empty the commit in its settings to follow pushes.",
        );
    }
    let message = push.message.to_lowercase();
    if let Some(skip) = SKIPS.into_iter().find(|skip| message.contains(skip)) {
        return ignore(summary, &format!("The commit's message says {skip}."));
    }
    if !rules.automatic {
        return ignore(summary, "Automatic deployments are off for this application.");
    }
    let verdict = Verdict::Deploy(wanted(push, commit));
    Meaning { summary, verdict }
}

fn wanted(push: &Push, commit: &CommitId) -> Wanted {
    Wanted {
        commit: commit.to_string(),
        branch: push.name.clone(),
        message: push.message.lines().next().unwrap_or_default().chars().take(200).collect(),
        words: to_words(push),
        by: push.by.clone(),
    }
}

fn to_words(push: &Push) -> String {
    let by = if push.by.is_empty() { String::new() } else { format!(" by {}", push.by) };
    let tag = if push.tag { "tag " } else { "" };
    format!("Push{by} to {tag}{}", push.name)
}

fn push_words(push: &Push) -> String {
    let message: String = push.message.lines().next().unwrap_or_default().chars().take(200).collect();
    if message.is_empty() { to_words(push) } else { format!("{}: {message}", to_words(push)) }
}

fn event_words(told: &Told) -> String {
    format!("Event {}", told.event)
}

/// Whether it tells of another repository of the host that the application's is fetched from. Of a mirror, or of the
/// same host by another name, nothing can be said; who sent it knows this webhook's secret.
fn is_elsewhere(told: &Told, url: &str) -> bool {
    let (Some(name), Some(address)) = (&told.repository, &told.address) else { return false };
    host(address) == host(url) && !is_at(url, name)
}

/// Of an address as browsers and as git know it, in lower case.
fn host(address: &str) -> Option<String> {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    Some(rest.split(':').next().filter(|host| !host.is_empty())?.to_ascii_lowercase())
}

/// Whether an address leads to the repository that is called `owner/name`, however it is spelled.
pub fn is_at(url: &str, name: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, rest)| rest).to_ascii_lowercase().replace(':', "/");
    let place = place.trim_end_matches('/');
    let place = place.strip_suffix(".git").unwrap_or(place);
    place.strip_suffix(&name.to_ascii_lowercase()).is_some_and(|before| before.ends_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deployments::repository::Extras;
    use crate::values::{GitRef, GitUrl};

    const COMMIT: &str = "1111111111111111111111111111111111111111";

    #[test]
    fn another_repository_is_told_by_its_host_and_name() {
        let told = |name: &str, address: Option<&str>| Told {
            event: "push".into(),
            repository: Some(name.into()),
            address: address.map(str::to_owned),
            what: What::Ping,
        };
        for url in
            ["git@example.com:team/shop.git", "https://EXAMPLE.com/team/shop", "ssh://git@example.com:22/team/shop"]
        {
            assert!(is_elsewhere(&told("team/other", Some("https://example.com/team/other")), url), "{url}");
            assert!(!is_elsewhere(&told("team/shop", Some("https://example.com/team/shop")), url), "{url}");
            assert!(!is_elsewhere(&told("team/other", Some("https://github.com/team/other")), url), "{url}");
            assert!(!is_elsewhere(&told("team/other", None), url), "{url}");
        }
    }

    fn source(branch: &str) -> Source {
        Source::Git {
            url: GitUrl::parse("git@example.com:Team/Shop.git").unwrap(),
            branch: GitRef::parse(branch).unwrap(),
            commit: None,
            credential: None,
            extras: Extras::default(),
            base: None,
        }
    }

    fn push(tag: bool, name: &str, message: &str) -> Told {
        let push = Push {
            tag,
            name: name.into(),
            commit: CommitId::parse(COMMIT).ok(),
            message: message.into(),
            by: "octocat".into(),
        };
        Told {
            event: "push".into(),
            repository: Some("team/shop".into()),
            address: Some("https://example.com/team/shop".into()),
            what: What::Pushes(vec![push]),
        }
    }

    fn deploys(told: &Told, rules: &Rules) -> bool {
        matches!(meaning(told, &source("main"), rules).verdict, Verdict::Deploy(_))
    }

    #[test]
    fn the_branch_is_deployed_and_others_are_told_why_not() {
        let usual = Rules::default();
        let Meaning { summary, verdict } =
            meaning(&push(false, "main", "Fix the cart\n\nmore"), &source("main"), &usual);
        assert_eq!(summary, "Push by octocat to main: Fix the cart");
        let Verdict::Deploy(wanted) = verdict else { panic!() };
        assert_eq!((wanted.commit.as_str(), wanted.words.as_str()), (COMMIT, "Push by octocat to main"));
        for told in
            [push(false, "main2", ""), push(false, "Main", ""), push(false, "feature/main", ""), push(true, "v1", "")]
        {
            let Verdict::Ignore(why) = meaning(&told, &source("main"), &usual).verdict else { panic!("{told:?}") };
            assert_eq!(why, "The application follows main.");
        }
        let rules = Rules { branches: Some("release/*".into()), tags: Some("v*".into()), ..Rules::default() };
        assert!(deploys(&push(false, "release/1", ""), &rules) && deploys(&push(true, "v1", ""), &rules));
        assert!(!deploys(&push(false, "main", ""), &rules) && !deploys(&push(true, "x1", ""), &rules));
        assert!(!deploys(&push(false, "main", ""), &Rules { automatic: false, ..Rules::default() }));
    }

    #[test]
    fn a_commit_may_say_not_to_deploy() {
        for message in ["[skip ci] x", "x\n\nlong [CI SKIP]", "x [skip deploy]", "[No CI]"] {
            assert!(!deploys(&push(false, "main", message), &Rules::default()), "{message}");
        }
        for message in ["skip ci", "[skip", "do not [skip] ci"] {
            assert!(deploys(&push(false, "main", message), &Rules::default()), "{message}");
        }
    }

    #[test]
    fn another_repository_and_a_pinned_commit_deploy_nothing() {
        let mut told = push(false, "main", "");
        told.repository = Some("team/other-shop".into());
        assert!(!deploys(&told, &Rules::default()));
        let mut pinned = source("main");
        if let Source::Git { commit, .. } = &mut pinned {
            *commit = CommitId::parse(COMMIT).ok();
        }
        let verdict = meaning(&push(false, "main", ""), &pinned, &Rules::default()).verdict;
        assert!(matches!(verdict, Verdict::Ignore(_)));
    }

    #[test]
    fn addresses_lead_to_repositories_however_they_are_spelled() {
        for url in [
            "https://example.com/Team/shop.git",
            "https://example.com:8443/git/team/Shop/",
            "git@example.com:team/shop",
            "ssh://git@example.com/team/shop.git",
        ] {
            assert!(is_at(url, "team/shop"), "{url}");
        }
        for url in ["https://example.com/my-team/shop", "https://example.com/team/shop2", "git@example.com:shop"] {
            assert!(!is_at(url, "team/shop"), "{url}");
        }
    }
}
