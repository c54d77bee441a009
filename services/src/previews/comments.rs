//! The port to what is said at pull requests, and the words.

use crate::values::GitUrl;
use async_trait::async_trait;
use contract::deployments::DeploymentStatus;
use contract::ids::PreviewId;
use contract::webhooks::Provider;
use zeroize::Zeroizing;

/// A pull request, and by what one speaks there.
pub struct PullRequest {
    pub provider: Provider,
    /// Of its repository; over http(s).
    pub url: GitUrl,
    pub number: i64,
    pub token: Zeroizing<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum CommentError {
    #[error("the host of the repository cannot be reached: {0}")]
    Unreachable(String),
    /// The token has no right to speak there, or the comment is gone.
    #[error("the host of the repository does not let the credential comment there ({0})")]
    NotAllowed(u16),
    #[error("the host of the repository answers {0}")]
    Failed(String),
}

/// Comments at pull requests. Each is known by the host's id of it.
#[async_trait]
pub trait Comments: Send + Sync {
    /// The one whose text begins so, if it is among the newest.
    async fn find(&self, at: &PullRequest, beginning: &str) -> Result<Option<String>, CommentError>;
    async fn create(&self, at: &PullRequest, text: &str) -> Result<String, CommentError>;
    /// False: it was deleted there.
    async fn update(&self, at: &PullRequest, id: &str, text: &str) -> Result<bool, CommentError>;
}

/// What there is to say of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A member is to look at the commit first.
    Waits,
    Deploying,
    Ended(DeploymentStatus),
    Removed,
}

/// Shows nowhere; by it a comment is found again whose id was lost.
pub fn marker(id: PreviewId) -> String {
    format!("<!-- canopy preview {id} -->")
}

/// Everybody who sees the pull request reads it: no reasons of failures, whose text is the application's.
pub fn text(
    id: PreviewId,
    application: &str,
    commit: Option<&str>,
    standing: &Standing,
    link: Option<&str>,
    page: Option<&str>,
) -> String {
    let commit = commit.map(|commit| format!(" of `{}`", &commit[..commit.len().min(7)])).unwrap_or_default();
    let page = page.map(|page| format!(" ([deployment]({page}))")).unwrap_or_default();
    let what = match standing {
        Standing::Waits => format!("The preview{commit} waits until a member approves it."),
        Standing::Deploying => format!("The preview{commit} is being deployed{page}."),
        Standing::Ended(DeploymentStatus::Succeeded) => match link {
            Some(link) => format!("The preview{commit} is ready: {link}{page}"),
            None => format!("The preview{commit} is ready{page}."),
        },
        Standing::Ended(DeploymentStatus::Cancelled | DeploymentStatus::Superseded) => {
            format!("The deployment of the preview{commit} was cancelled{page}.")
        }
        Standing::Ended(_) => format!("The deployment of the preview{commit} failed{page}."),
        Standing::Removed => "The preview was removed.".to_owned(),
    };
    format!("{}\n**{application}**: {what}", marker(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_standing_has_words_and_all_begin_with_the_mark() {
        let id = crate::clock::new_id();
        let say = |standing, link| text(id, "web", Some("0123456789abcdef"), &standing, link, Some("https://c/d/1"));
        let ready = say(Standing::Ended(DeploymentStatus::Succeeded), Some("https://pr-7.example.com"));
        assert!(ready.starts_with(&marker(id)));
        assert!(ready.ends_with(
            "**web**: The preview of `0123456` is ready: https://pr-7.example.com ([deployment](https://c/d/1))"
        ));
        let failed = say(Standing::Ended(DeploymentStatus::Failed), Some("https://pr-7.example.com"));
        assert!(failed.contains("failed") && !failed.contains("pr-7"));
        assert!(say(Standing::Removed, None).ends_with("The preview was removed."));
        let plain = text(id, "web", None, &Standing::Waits, None, None);
        assert!(plain.ends_with("The preview waits until a member approves it."));
    }
}
