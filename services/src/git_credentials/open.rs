//! A credential on its way to git: opened, and made into what git takes.

use super::{host_keys, place};
use crate::deployments::repository::{Access, Origin, RepositoryError};
use crate::platform::Platform;
use crate::values::{GitUrl, TokenText, Username};
use crate::{Error, Result};
use contract::git_credentials::GitCredentialKind;
use contract::ids::GitCredentialId;
use entity::{Scope, Tenant, git_credential};
use sea_orm::{ColumnTrait, QueryFilter};
use zeroize::Zeroizing;

/// Why a repository cannot be asked.
#[derive(Debug)]
pub enum OpenError {
    /// What the owner of the application can change.
    Credential(String),
    Repository(RepositoryError),
    Other(Error),
}

impl<E: Into<Error>> From<E> for OpenError {
    fn from(error: E) -> Self {
        Self::Other(error.into())
    }
}

/// The repository at this address, to be read with this credential.
pub async fn origin(
    platform: &Platform,
    scope: Scope,
    url: &GitUrl,
    credential: Option<GitCredentialId>,
) -> std::result::Result<Origin, OpenError> {
    let Some(id) = credential else { return Ok(Origin::public(url.clone())) };
    let row = find(platform, scope, id).await?.ok_or_else(|| {
        OpenError::Credential("The credential of the repository was deleted. Choose another one.".into())
    })?;
    let access = match GitCredentialKind::parse(&row.kind) {
        Some(GitCredentialKind::DeployKey) => key(platform, scope, url, &row).await?,
        Some(GitCredentialKind::GithubApp) => {
            let token = crate::github_apps::token(platform, &row, url).await?;
            Access::Token { username: "x-access-token".to_owned(), token }
        }
        Some(GitCredentialKind::Token) => {
            let token = reveal(platform, &row)?;
            TokenText::parse(&token).map_err(unfit)?;
            let username = row.username.unwrap_or_else(|| usual_username(url).to_owned());
            Access::Token { username: Username::parse(&username).map_err(unfit)?.to_string(), token }
        }
        None => return Err(unfit("")),
    };
    Ok(Origin { url: url.clone(), access })
}

/// It may have been stored before a rule was there.
fn unfit(_: &'static str) -> OpenError {
    OpenError::Credential(
        "The credential of the repository does not pass today's checks. Make another one, and choose that.".into(),
    )
}

/// Of a credential that is a token.
pub(crate) fn reveal(platform: &Platform, row: &git_credential::Model) -> Result<Zeroizing<String>> {
    let sealed = row.sealed.as_deref().unwrap_or_default();
    Ok(Zeroizing::new(platform.keyring.open_text(&place(row.id), sealed)?))
}

pub(crate) async fn find(
    platform: &Platform,
    scope: Scope,
    id: GitCredentialId,
) -> Result<Option<git_credential::Model>> {
    let row = git_credential::Entity::find_in(scope).filter(git_credential::Column::Id.eq(id));
    Ok(row.one(platform.database.write()).await?)
}

async fn key(
    platform: &Platform,
    scope: Scope,
    url: &GitUrl,
    row: &git_credential::Model,
) -> std::result::Result<Access, OpenError> {
    let place = url.ssh().ok_or_else(|| {
        OpenError::Credential("A deploy key is used over SSH. Use the repository's SSH address.".into())
    })?;
    let id = row.private_key_id.ok_or_else(|| Error::internal("a deploy key without a key"))?;
    let host_keys = host_keys::known(platform, scope, url, place).await?.map_err(OpenError::Repository)?;
    Ok(Access::Key { private_key: crate::private_keys::reveal(platform, scope, id).await?, host_keys })
}

/// What the hosts want beside an access token; most take anything.
fn usual_username(url: &GitUrl) -> &'static str {
    let host = url.as_str().split("://").nth(1).unwrap_or_default().split(['/', ':']).next().unwrap_or_default();
    match host {
        "bitbucket.org" => "x-token-auth",
        "gitlab.com" => "oauth2",
        _ => "x-access-token",
    }
}
