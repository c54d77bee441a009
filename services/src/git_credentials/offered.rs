//! What may be chosen as a source: the repositories that a GitHub App was given, and a repository's branches. Asked for
//! while somebody fills in a form, so it ends soon, and what went wrong is part of the answer: they can type as well.

use super::open::{self, OpenError};
use crate::deployments::repository::RepositoryError;
use crate::github_apps;
use crate::values::GitUrl;
use crate::{Ctx, Error, Result};
use contract::git_credentials::{
    GitCredentialKind, ListBranches, ListRepositories, OfferedBranches, OfferedRepositories, OfferedRepository,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(10);
/// Nobody looks through more.
const MOST: usize = 500;
const SLOW: &str = "The host of the repositories did not answer in time. Type it instead, or try again.";

pub async fn repositories(ctx: &Ctx, input: ListRepositories) -> Result<OfferedRepositories> {
    let row = open::find(&ctx.platform, ctx.scope()?, input.credential_id).await?.ok_or(Error::NotFound)?;
    let problem = |why: String| OfferedRepositories { items: Vec::new(), complete: false, problem: Some(why) };
    if GitCredentialKind::parse(&row.kind) != Some(GitCredentialKind::GithubApp) {
        return Ok(problem("Only a GitHub App says which repositories it was given. Type the address.".into()));
    }
    let asked = tokio::time::timeout(PATIENCE, github_apps::repositories(&ctx.platform, &row));
    let given = match asked.await {
        Err(_) => return Ok(problem(SLOW.into())),
        Ok(Err(error)) => return why(error).map(problem),
        Ok(Ok(given)) => given,
    };
    let wanted = input.search.unwrap_or_default().trim().to_lowercase();
    let own = &ctx.platform.settings.github_url;
    let mut items: Vec<OfferedRepository> = given
        .items
        .into_iter()
        .filter(|one| one.name.to_lowercase().contains(&wanted))
        .map(|one| OfferedRepository {
            url: format!("{own}/{}", one.name),
            name: one.name,
            default_branch: one.default_branch,
            private: one.private,
        })
        .collect();
    items.sort_by(|a, b| a.name.cmp(&b.name));
    let complete = given.complete && items.len() <= MOST;
    items.truncate(MOST);
    let problem = items.is_empty().then(|| {
        "The GitHub App has no such repository. Install it on your repositories at GitHub, from the page Credentials.".into()
    });
    Ok(OfferedRepositories { items, complete, problem })
}

pub async fn branches(ctx: &Ctx, input: ListBranches) -> Result<OfferedBranches> {
    let scope = ctx.scope()?;
    if let Some(id) = input.credential_id {
        open::find(&ctx.platform, scope, id).await?.ok_or(Error::NotFound)?;
    }
    let url = GitUrl::parse(input.url.trim()).map_err(|why| Error::field("url", why))?;
    let problem = |why: String| OfferedBranches { items: Vec::new(), complete: false, problem: Some(why) };
    let cancel = CancellationToken::new();
    let _ends = cancel.clone().drop_guard();
    let asked = async {
        let origin = open::origin(&ctx.platform, scope, &url, input.credential_id).await?;
        ctx.platform.repository.branches(&origin, PATIENCE, &cancel).await.map_err(OpenError::Repository)
    };
    let mut items = match tokio::time::timeout(PATIENCE, asked).await {
        Err(_) => return Ok(problem(SLOW.into())),
        Ok(Err(error)) => return why(error).map(problem),
        Ok(Ok(found)) => found,
    };
    let complete = items.len() <= MOST;
    items.truncate(MOST);
    let problem = items.is_empty().then(|| "The repository has no branches yet.".into());
    Ok(OfferedBranches { items, complete, problem })
}

/// In words for who fills in the form.
fn why(error: OpenError) -> Result<String> {
    match error {
        OpenError::Credential(why) => Ok(why),
        OpenError::Repository(RepositoryError::TimedOut(_)) => Ok(SLOW.into()),
        OpenError::Repository(error) => {
            let said = error.to_string();
            let mut letters = said.chars();
            let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
            Ok(format!("{first}{}.", letters.as_str().trim_end_matches('.')))
        }
        OpenError::Other(error) => Err(error),
    }
}
