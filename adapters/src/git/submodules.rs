//! The repositories that are parts of one: each is fetched as a repository of its own, from an address that passes the
//! same checks, at the commit that the outer one names. A credential goes to the host that it is for, and no other.

use super::command::{Command, Watch};
use super::{Checkout, size};
use contract::validation;
use services::deployments::repository::{Access, Origin, RepositoryError};
use services::values::{CommitId, GitUrl};
use std::path::Path;

/// Of repositories in repositories.
const DEEPEST: usize = 4;
/// In one repository.
const MOST: usize = 50;

struct Part {
    path: String,
    url: String,
}

pub async fn fetch(outer: &Checkout<'_>, watch: &Watch<'_>) -> Result<(), RepositoryError> {
    let parts = parts(outer, watch).await?;
    if parts.is_empty() {
        return Ok(());
    }
    if outer.depth == DEEPEST || parts.len() > MOST {
        return Err(RepositoryError::Failed(format!(
            "there are more than {MOST} submodules, or they are nested deeper than {DEEPEST}"
        )));
    }
    for part in parts {
        let Some(commit) = commit(outer, &part.path, watch).await? else { continue };
        let refused = |why: &str| RepositoryError::Refused(format!("the submodule {}: {why}", part.path));
        validation::relative_path(&part.path).map_err(refused)?;
        let url = absolute(outer.origin.url.as_str(), &part.url)
            .ok_or_else(|| refused("its address cannot be read"))
            .and_then(|url| GitUrl::parse(&url).map_err(refused))?;
        let access = access(outer.origin, &url);
        if url.ssh().is_some() && matches!(access, Access::Public) {
            return Err(refused("it is read over SSH from a host that the application's deploy key is not for"));
        }
        let origin = Origin { url, access };
        let into = outer.into.join(&part.path);
        if !is_plain_folder(outer.into, &into) {
            return Err(refused("its folder is not a plain one"));
        }
        let used = size::weight(outer.into, true).await;
        let limit = outer.limit.saturating_sub(used);
        let inner = Checkout {
            git: outer.git,
            origin: &origin,
            commit: &commit,
            into: &into,
            limit,
            extras: outer.extras,
            depth: outer.depth + 1,
        };
        Box::pin(inner.whole(watch)).await.map_err(|error| match error {
            RepositoryError::TooLarge(_) => RepositoryError::TooLarge(outer.limit),
            RepositoryError::Cancelled | RepositoryError::TimedOut(_) => error,
            error => RepositoryError::Failed(format!("the submodule {}: {error}", part.path)),
        })?;
    }
    Ok(())
}

/// What `.gitmodules` says; git reads the file, and nothing that it would include.
async fn parts(outer: &Checkout<'_>, watch: &Watch<'_>) -> Result<Vec<Part>, RepositoryError> {
    let file = outer.into.join(".gitmodules");
    if !tokio::fs::symlink_metadata(&file).await.is_ok_and(|found| found.is_file()) {
        return Ok(Vec::new());
    }
    let asked = Command::new(outer.into)
        .arguments(["config", "--file", ".gitmodules", "--no-includes", "--null", "--get-regexp"])
        .argument(r"^submodule\..*\.(path|url)$");
    let said = asked.run(watch, &super::nowhere()).await?.output;
    let mut parts: Vec<(String, Option<String>, Option<String>)> = Vec::new();
    for entry in said.split('\0') {
        let Some((key, value)) = entry.split_once('\n') else { continue };
        let Some((name, field)) = key.strip_prefix("submodule.").and_then(|key| key.rsplit_once('.')) else { continue };
        let known = parts.iter_mut().position(|(known, ..)| known == name);
        let index = known.unwrap_or_else(|| {
            parts.push((name.to_owned(), None, None));
            parts.len() - 1
        });
        if let Some((_, path, url)) = parts.get_mut(index) {
            let field = if field == "path" { path } else { url };
            *field = Some(value.to_owned());
        }
    }
    Ok(parts.into_iter().filter_map(|(_, path, url)| Some(Part { path: path?, url: url? })).collect())
}

/// At which commit the outer repository has it there; none when it has not.
async fn commit(outer: &Checkout<'_>, path: &str, watch: &Watch<'_>) -> Result<Option<CommitId>, RepositoryError> {
    let arguments = ["--literal-pathspecs", "ls-tree", "-z", outer.commit.as_str(), "--", path];
    let listed = outer.local(&arguments, watch).await?;
    let found = listed.split('\0').find_map(|entry| {
        let (facts, name) = entry.split_once('\t')?;
        let id = facts.strip_prefix("160000 commit ")?;
        (name == path).then_some(id)
    });
    Ok(found.and_then(|id| CommitId::parse(id).ok()))
}

/// Every part of the path is a folder, not a link.
fn is_plain_folder(root: &Path, folder: &Path) -> bool {
    folder
        .ancestors()
        .take_while(|part| *part != root)
        .all(|part| std::fs::symlink_metadata(part).is_ok_and(|found| found.is_dir()))
}

/// The outer repository's, when it is at the same host.
fn access(outer: &Origin, url: &GitUrl) -> Access {
    let same = match (outer.url.ssh(), url.ssh()) {
        (Some(outer), Some(inner)) => outer.key_name() == inner.key_name(),
        (None, None) => {
            let origin = |url: &GitUrl| url::Url::parse(url.as_str()).map(|url| url.origin());
            matches!((origin(&outer.url), origin(url)), (Ok(outer), Ok(inner)) if outer == inner)
        }
        _ => false,
    };
    if same { outer.access.clone() } else { Access::Public }
}

/// `../other.git` starts at the outer repository's address, as git takes it.
fn absolute(outer: &str, url: &str) -> Option<String> {
    if !url.starts_with("./") && !url.starts_with("../") {
        return Some(url.to_owned());
    }
    let (mut base, mut rest) = (outer.trim_end_matches('/').to_owned(), url);
    loop {
        if let Some(further) = rest.strip_prefix("./") {
            rest = further;
        } else if let Some(further) = rest.strip_prefix("../") {
            let cut = base.rfind('/').or_else(|| base.rfind(':').map(|colon| colon + 1))?;
            // Not into the host's name.
            if base.get(..cut)?.ends_with('/') || base.get(..cut)?.ends_with(":/") {
                return None;
            }
            base.truncate(cut);
            rest = further;
        } else {
            let between = if base.ends_with(':') { "" } else { "/" };
            return Some(format!("{base}{between}{rest}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_addresses_start_at_the_outer_one() {
        let check =
            |outer, url, meant: Option<&str>| assert_eq!(absolute(outer, url).as_deref(), meant, "{outer} {url}");
        check("https://h/a/b.git", "../c.git", Some("https://h/a/c.git"));
        check("https://h/a/b.git", "./c.git", Some("https://h/a/b.git/c.git"));
        check("git@h:a/b.git", "../c.git", Some("git@h:a/c.git"));
        check("git@h:a/b.git", "../../c/d.git", Some("git@h:c/d.git"));
        check("https://h/a/b.git", "https://other/x", Some("https://other/x"));
        check("https://h/b.git", "../../../c", None);
    }

    #[test]
    fn a_credential_goes_to_its_own_host_only() {
        let outer = Origin {
            url: GitUrl::parse("https://h.example/a").unwrap(),
            access: Access::Token { username: "u".into(), token: "t".to_owned().into() },
        };
        let to = |url| access(&outer, &GitUrl::parse(url).unwrap());
        assert!(matches!(to("https://h.example/b"), Access::Token { .. }));
        for elsewhere in ["https://i.example/b", "http://h.example/b", "https://h.example:8443/b", "git@h.example:b"] {
            assert!(matches!(to(elsewhere), Access::Public), "{elsewhere}");
        }
    }
}
