//! Private repositories over HTTP: the token reaches its host, and nobody and nothing else.

use super::server::{GitServer, commit};
use super::{LIMITS, loopback, with};
use crate::docker::{collector, text};
use adapters::outbound::Outbound;
use services::deployments::repository::{Access, Extras, Origin, Repository, RepositoryError};
use services::values::{CommitId, GitRef, GitUrl};
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "hush-token";

fn origin(url: &str, token: &str) -> Origin {
    let access = Access::Token { username: "canopy".into(), token: token.to_owned().into() };
    Origin { url: GitUrl::parse(url).unwrap(), access }
}

#[tokio::test]
async fn a_token_opens_what_it_is_for() {
    let server = GitServer::start();
    let work = server.repository("app");
    let id = commit(&work, "private");
    let (main, cancel) = (GitRef::parse("main").unwrap(), CancellationToken::new());
    for manner in ["guarded", "guarded-moved"] {
        let url = server.url(manner, "app");
        let found = loopback().resolve(&origin(&url, TOKEN), &main, LIMITS.time, &cancel).await.unwrap();
        assert_eq!(found.as_str(), id);
        let into = tempfile::tempdir().unwrap();
        let (sink, taken) = collector();
        let commit = CommitId::parse(&id).unwrap();
        let extras = Extras::default();
        loopback().fetch(&origin(&url, TOKEN), &commit, extras, into.path(), LIMITS, sink, &cancel).await.unwrap();
        assert!(!text(&taken).contains(TOKEN));

        let without = Origin::public(GitUrl::parse(&url).unwrap());
        let refused = loopback().resolve(&without, &main, LIMITS.time, &cancel).await;
        assert!(matches!(refused, Err(RepositoryError::NotAllowed)), "{refused:?}");
        let refused = loopback().resolve(&origin(&url, "another"), &main, LIMITS.time, &cancel).await;
        assert!(matches!(refused, Err(RepositoryError::NotAccepted)), "{refused:?}");
        let (sink, taken) = collector();
        let into = tempfile::tempdir().unwrap();
        let refused = loopback()
            .fetch(&origin(&url, "another"), &commit, extras, into.path(), LIMITS, sink, &cancel)
            .await
            .unwrap_err();
        assert!(!format!("{refused:?} {}", text(&taken)).contains("another"));
    }
}

#[tokio::test]
async fn a_redirect_takes_no_token_to_another_origin() {
    let server = GitServer::start();
    commit(&server.repository("app"), "public elsewhere");
    let url = server.url("elsewhere", "app");
    let (main, cancel) = (GitRef::parse("main").unwrap(), CancellationToken::new());
    loopback().resolve(&origin(&url, TOKEN), &main, LIMITS.time, &cancel).await.unwrap();
    let seen = server.seen.lock().unwrap().clone();
    let elsewhere: Vec<_> = seen.iter().filter(|(path, _)| path.starts_with("/plain")).collect();
    assert!(!elsewhere.is_empty());
    assert!(elsewhere.iter().all(|(_, authorization)| authorization.is_empty()), "{elsewhere:?}");
    assert!(seen.iter().any(|(path, authorization)| path.starts_with("/elsewhere") && !authorization.is_empty()));
}

#[tokio::test]
async fn a_token_is_not_sent_where_others_can_read_it() {
    // A public address that nobody is asked at.
    let refused = with(Outbound::default())
        .resolve(
            &origin("http://192.88.98.1/app.git", TOKEN),
            &GitRef::parse("main").unwrap(),
            LIMITS.time,
            &CancellationToken::new(),
        )
        .await;
    assert!(matches!(&refused, Err(RepositoryError::Refused(why)) if why.contains("https")), "{refused:?}");
    assert!(!format!("{:?}", origin("https://h.example/x", TOKEN)).contains(TOKEN));
}
