//! By which keys a host of repositories is known over SSH: the large hosts by what they publish, others by what they
//! showed the organization at its first visit.

use crate::deployments::repository::RepositoryError;
use crate::platform::Platform;
use crate::values::GitUrl;
use crate::{Ctx, Error, Result};
use contract::git_credentials::{GitHost, GitHostRef, ListGitHosts};
use contract::page::{DEFAULT_LIMIT, MAX_LIMIT};
use contract::ssh_place::SshPlace;
use contract::{Empty, Page};
use entity::{Scope, Tenant, git_host_key};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveValue::Set, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use ssh_key::{HashAlg, PublicKey};
use std::time::Duration;

/// From the hosts' own documentation.
const PUBLISHED: [(&str, &str); 3] = [
    ("github.com", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"),
    ("gitlab.com", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf"),
    ("bitbucket.org", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO"),
];
const LIMIT: Duration = Duration::from_secs(15);

pub async fn known(
    platform: &Platform,
    scope: Scope,
    url: &GitUrl,
    place: SshPlace<'_>,
) -> Result<std::result::Result<Vec<String>, RepositoryError>> {
    let host = place.key_name();
    if let Some((_, key)) = PUBLISHED.iter().find(|(published, _)| *published == host) {
        return Ok(Ok(vec![(*key).to_owned()]));
    }
    if let Some(keys) = pinned(platform, scope, &host).await? {
        // They become lines of a file that says whom to trust.
        let fit = keys.iter().all(|key| is_key(key));
        return Ok(fit.then_some(keys).ok_or_else(|| {
            RepositoryError::Failed(format!("the keys that are known of {host} cannot be read; forget the host first"))
        }));
    }
    let shown = match platform.repository.host_keys(url, LIMIT).await {
        Ok(keys) => keys,
        Err(error) => return Ok(Err(error)),
    };
    // Two deployments may come here at the same time; the first one's keys count for both.
    git_host_key::Entity::insert(git_host_key::ActiveModel {
        organization_id: Set(scope.organization()),
        host: Set(host.clone()),
        keys: Set(shown.join("\n")),
        pinned_at: Set(platform.clock.now()),
    })
    .on_conflict(
        OnConflict::columns([git_host_key::Column::OrganizationId, git_host_key::Column::Host]).do_nothing().to_owned(),
    )
    .exec_without_returning(platform.database.write())
    .await?;
    pinned(platform, scope, &host).await?.map(Ok).ok_or_else(|| Error::internal("a host's keys were not kept"))
}

pub async fn list(ctx: &Ctx, input: ListGitHosts) -> Result<Page<GitHost>> {
    let limit = input.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::field("limit", format!("Use 1 to {MAX_LIMIT}.")));
    }
    let mut query = git_host_key::Entity::find_in(ctx.scope()?).order_by_asc(git_host_key::Column::Host);
    if let Some(after) = input.cursor.filter(|text| !text.is_empty() && !text.contains('\0')) {
        query = query.filter(git_host_key::Column::Host.gt(after));
    }
    let mut rows = query.limit(u64::from(limit) + 1).all(&ctx.db()).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next_cursor = if more { rows.last().map(|row| row.host.clone()) } else { None };
    let items = rows.into_iter().map(|row| GitHost {
        fingerprints: row.keys.lines().filter_map(fingerprint).collect(),
        host: row.host,
        pinned_at: row.pinned_at,
    });
    Ok(Page { items: items.collect(), next_cursor })
}

/// `ssh-ed25519 AAAA...`, and nothing else.
fn is_key(line: &str) -> bool {
    let word = |text: &str, more: &[u8]| {
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b))
    };
    line.split_once(' ').is_some_and(|(algorithm, key)| word(algorithm, b"-.@") && word(key, b"+/="))
}

fn fingerprint(key: &str) -> Option<String> {
    Some(PublicKey::from_openssh(key).ok()?.fingerprint(HashAlg::Sha256).to_string())
}

pub async fn forget(ctx: &Ctx, input: GitHostRef) -> Result<Empty> {
    let tx = ctx.tx().await?;
    if input.host.contains('\0') {
        return Err(Error::NotFound);
    }
    let forgotten = git_host_key::Entity::delete_in(ctx.scope()?)
        .filter(git_host_key::Column::Host.eq(input.host.clone()))
        .exec(tx)
        .await?;
    if forgotten.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    ctx.object("git_host", &input.host, input.host.clone());
    Ok(Empty {})
}

async fn pinned(platform: &Platform, scope: Scope, host: &str) -> Result<Option<Vec<String>>> {
    let row = git_host_key::Entity::find_in(scope)
        .filter(git_host_key::Column::Host.eq(host))
        .one(platform.database.write())
        .await?;
    Ok(row.map(|row| row.keys.lines().map(str::to_owned).collect()))
}
