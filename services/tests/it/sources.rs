//! Credentials of repositories and registries: sealed, their organization's own, kept while they are used, and shown
//! to whom they are for.

use crate::calls::*;
use crate::deployments::stage::Stage;
use crate::estate::{UpdateApplicationOp, estate, no_changes};
use crate::harness::{Harness, on_each_database};
use contract::Code;
use contract::applications::{Build, Source, UpdateApplication};
use contract::deployments::DeploymentStatus;
use contract::git_credentials::*;
use contract::ids::GitCredentialId;
use contract::private_keys::{CreatePrivateKey, PrivateKeyRef};
use contract::registry_credentials::*;
use entity::{Tenant as _, git_credential, registry_credential};
use services::deployments::repository::Access;

fn token(name: &str, token: &str) -> CreateGitCredential {
    CreateGitCredential {
        name: name.into(),
        kind: GitCredentialKind::Token,
        username: None,
        token: Some(token.into()),
        private_key_id: None,
    }
}

fn deploy_key(name: &str) -> CreateGitCredential {
    CreateGitCredential { kind: GitCredentialKind::DeployKey, token: None, ..token(name, "") }
}

fn read_with(url: &str, id: GitCredentialId) -> Source {
    let mut source = Source::git(url, "main");
    if let Source::Git { credential_id, .. } = &mut source {
        *credential_id = Some(id);
    }
    source
}

const OVER_SSH: &str = "git@git.example.com:team/shop.git";

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_sealed_and_their_organizations_own() {
    on_each_database(async |h: Harness| {
        let estate = estate(&h, "Acme").await;
        let owner = &estate.tenant.owner;
        let made = h.ok::<CreateGit>(owner, token("forge", "hush-token")).await;
        assert!(!serde_json::to_string(&made).unwrap().contains("hush"));
        assert!(h.refused::<CreateGit>(owner, token("forge", "x")).await.field("name").is_some());
        for wrong in ["", "a\nb", &"x".repeat(9000)] {
            assert!(h.refused::<CreateGit>(owner, token("wrong", wrong)).await.field("token").is_some());
        }
        let app = CreateGitCredential { kind: GitCredentialKind::GithubApp, ..token("app", "x") };
        assert!(h.refused::<CreateGit>(owner, app).await.field("kind").is_some());
        let row = git_credential::Entity::find_in(estate.tenant.scope);
        let row = row.one(h.platform.database.read()).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&row.sealed.unwrap()).contains("hush"));

        let key = h.ok::<CreateGit>(owner, deploy_key("shop")).await;
        assert!(key.public_key.as_deref().unwrap().starts_with("ssh-ed25519 "));
        let other = h.organization("Other").await;
        let theirs =
            h.ok::<CreatePrivate>(&other.owner, CreatePrivateKey { name: "k".into(), private_key: None }).await;
        let foreign = CreateGitCredential { private_key_id: Some(theirs.id), ..deploy_key("foreign") };
        assert_eq!(h.refused::<CreateGit>(owner, foreign).await.code, Code::NotFound);
        assert_eq!(h.refused::<DeleteGit>(&other.owner, GitCredentialRef { id: made.id }).await.code, Code::NotFound);
        assert!(h.ok::<GitCredentials>(&other.owner, Default::default()).await.items.is_empty());
        let search = ListGitCredentials { search: Some("FOR".into()), ..Default::default() };
        assert_eq!(h.ok::<GitCredentials>(owner, search).await.items, std::slice::from_ref(&made));

        // An application takes it, and then it stays.
        let application = estate.application(&h, "shop").await;
        let change = |source| UpdateApplication { source: Some(source), ..no_changes(&application) };
        let url = "https://git.example.com/team/shop.git";
        let theirs = h.ok::<CreateGit>(&other.owner, token("theirs", "t")).await;
        let refused = h.refused::<UpdateApplicationOp>(owner, change(read_with(url, theirs.id))).await;
        assert_eq!(refused.code, Code::NotFound);
        for (url, id) in [(OVER_SSH, made.id), (url, key.id)] {
            let refused = h.refused::<UpdateApplicationOp>(owner, change(read_with(url, id))).await;
            assert!(refused.field("source.url").is_some(), "{refused:?}");
        }
        let refused = h.refused::<UpdateApplicationOp>(owner, change(Source::git(OVER_SSH, "main"))).await;
        assert!(refused.field("source.credential_id").is_some());
        h.ok::<UpdateApplicationOp>(owner, change(read_with(url, made.id))).await;
        let refused = h.refused::<DeleteGit>(owner, GitCredentialRef { id: made.id }).await;
        assert!(refused.code == Code::Conflict && refused.detail.contains("shop"), "{refused:?}");
        h.ok::<UpdateApplicationOp>(owner, change(Source::git(url, "main"))).await;
        h.ok::<DeleteGit>(owner, GitCredentialRef { id: made.id }).await;

        let id = key.private_key_id.unwrap();
        assert_eq!(h.refused::<DeletePrivate>(owner, PrivateKeyRef { id }).await.code, Code::Conflict);
        h.ok::<DeleteGit>(owner, GitCredentialRef { id: key.id }).await;
        h.ok::<DeletePrivate>(owner, PrivateKeyRef { id }).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_reads_a_private_repository_with_its_token() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let made = h.ok::<CreateGit>(owner, token("forge", "hush-token")).await;
        let source = read_with("https://example.com/shop.git", made.id);
        h.ok::<UpdateApplicationOp>(
            owner,
            UpdateApplication { source: Some(source), ..no_changes(&stage.application) },
        )
        .await;
        stage.deploy_well().await;
        let asked = h.repository.state().access.pop().unwrap();
        let Access::Token { username, token } = asked else { panic!("{asked:?}") };
        assert_eq!((username.as_str(), token.as_str()), ("x-access-token", "hush-token"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosts_keys_are_pinned_at_the_first_visit_until_they_are_forgotten() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let key = h.ok::<CreateGit>(owner, deploy_key("shop")).await;
        let source = read_with(OVER_SSH, key.id);
        h.ok::<UpdateApplicationOp>(
            owner,
            UpdateApplication { source: Some(source), ..no_changes(&stage.application) },
        )
        .await;
        let first = crate::deployments::stage::FIRST;
        h.repository.state().branches.insert((OVER_SSH.into(), "main".into()), first.into());
        const SHOWN: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        const LATER: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf";
        let known = || match h.repository.state().access.pop() {
            Some(Access::Key { host_keys, private_key }) => {
                assert!(private_key.contains("OPENSSH PRIVATE KEY"));
                host_keys
            }
            other => panic!("{other:?}"),
        };
        h.repository.state().host_keys = vec![SHOWN.into()];
        stage.deploy_well().await;
        assert_eq!(known(), [SHOWN]);
        h.repository.state().host_keys = vec![LATER.into()];
        stage.deploy_well().await;
        assert_eq!(known(), [SHOWN], "what was shown at first counts");

        let hosts = h.ok::<GitHosts>(owner, Default::default()).await.items;
        assert_eq!(hosts[0].host, "git.example.com");
        assert_eq!(hosts[0].fingerprints, ["SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"]);
        let other = h.organization("Other").await;
        let host = GitHostRef { host: "git.example.com".into() };
        assert_eq!(h.refused::<ForgetHost>(&other.owner, host.clone()).await.code, Code::NotFound);
        h.ok::<ForgetHost>(owner, host).await;
        stage.deploy_well().await;
        assert_eq!(known(), [LATER]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registrys_password_goes_to_its_registry_only() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let input = |host: &str| CreateRegistryCredential {
            host: host.into(),
            username: "robot".into(),
            password: "hush-password".into(),
        };
        for wrong in ["", "ghcr", "https://ghcr.io", "ghcr.io/team", "-x.io", "ghcr.io:0", "a b.io", "u@ghcr.io"] {
            assert!(h.refused::<CreateRegistry>(owner, input(wrong)).await.field("host").is_some(), "{wrong}");
        }
        let made = h.ok::<CreateRegistry>(owner, input("GHCR.io")).await;
        assert_eq!(made.host, "ghcr.io");
        assert!(h.refused::<CreateRegistry>(owner, input("ghcr.io")).await.field("host").is_some());
        let row = registry_credential::Entity::find_in(stage.tenant.scope);
        let row = row.one(h.platform.database.read()).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&row.sealed).contains("hush"));

        stage.deploy_well().await;
        let logins = std::mem::take(&mut h.engines.engine.state().logins);
        assert_eq!(logins.len(), 1);
        assert_eq!(logins[0].password.as_str(), "hush-password");
        assert!(!format!("{logins:?}").contains("hush"));
        assert!(logins[0].is_for("ghcr.io/team/app:1") && !logins[0].is_for("docker.io/team/app"));
        assert!(!logins[0].is_for("team/app") && !logins[0].is_for("ghcr.io.example.com/app"));

        let other = h.organization("Other").await;
        let id = made.id;
        assert_eq!(h.refused::<DeleteRegistry>(&other.owner, RegistryCredentialRef { id }).await.code, Code::NotFound);
        assert!(h.ok::<Registries>(&other.owner, Default::default()).await.items.is_empty());
        h.ok::<DeleteRegistry>(owner, RegistryCredentialRef { id }).await;
        assert!(h.ok::<Registries>(owner, Default::default()).await.items.is_empty());
    })
    .await;
}

/// One engine, two organizations: an image that came with the login of one is no gift to the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_private_image_on_a_shared_engine_is_its_registrys_to_give() {
    on_each_database(async |h: Harness| {
        let image = |reference: &str| Source::Image { reference: reference.into() };
        const PRIVATE: &str = "ghcr.io/team/app:1";
        let of = |host: &'static str, reference: &'static str| {
            let source = image(reference);
            Stage::with(&h, move |input| {
                input.source = source;
                input.build = Build::None;
                input.domains = vec![host.into()];
            })
        };
        let (ours, theirs) = (of("a.example.com", PRIVATE).await, of("b.example.com", PRIVATE).await);
        h.engines.engine.state().registry =
            [(PRIVATE.to_owned(), Some("hush".to_owned())), ("team/public:1".to_owned(), None)].into();
        let login = |password: &str| CreateRegistryCredential {
            host: "ghcr.io".into(),
            username: "robot".into(),
            password: password.into(),
        };
        h.ok::<CreateRegistry>(&ours.tenant.owner, login("hush")).await;
        ours.deploy_well().await;
        let on_engine =
            || h.engines.engine.state().images.values().any(|image| image.tags.iter().any(|tag| tag == PRIVATE));
        assert!(on_engine());

        // Without a login, and with one that the registry does not take.
        let refused = theirs.deploy().await;
        assert_eq!(refused.status, DeploymentStatus::Failed);
        let failure = refused.failure.unwrap();
        assert!(failure.reason.contains("does not allow") && failure.hint.contains("Credentials"), "{failure:?}");
        let wrong = h.ok::<CreateRegistry>(&theirs.tenant.owner, login("guessed")).await;
        assert_eq!(theirs.deploy().await.status, DeploymentStatus::Failed);
        // Not by another tag either, nor by the beginning of its id.
        for reference in ["ghcr.io/team/app:2", "0000"] {
            let change = UpdateApplication { source: Some(image(reference)), ..no_changes(&theirs.application) };
            h.ok::<UpdateApplicationOp>(&theirs.tenant.owner, change).await;
            let digest = format!("sha256:{:0>64}", reference.len());
            let tags = vec!["ghcr.io/team/app:2".to_owned()];
            let state =
                |digest| services::servers::engine::Image { digest, size_bytes: 1, labels: Default::default(), tags };
            h.engines.engine.state().images.insert(reference.to_owned(), state(digest));
            assert_eq!(theirs.deploy().await.status, DeploymentStatus::Failed, "{reference}");
        }
        // A build is told of it too.
        let source = Source::Dockerfile { text: format!("FROM {PRIVATE}\n") };
        let build = Some(Build::Dockerfile { path: None, target: None, time_limit_minutes: None });
        let change = UpdateApplication { source: Some(source), build, ..no_changes(&theirs.application) };
        h.ok::<UpdateApplicationOp>(&theirs.tenant.owner, change).await;
        theirs.deploy_well().await;
        assert!(h.engines.engine.state().built_guarded.pop().unwrap().covers(PRIVATE));

        // With a login of its own it may; and what came without one is for all.
        h.ok::<DeleteRegistry>(&theirs.tenant.owner, RegistryCredentialRef { id: wrong.id }).await;
        h.ok::<CreateRegistry>(&theirs.tenant.owner, login("hush")).await;
        for reference in [PRIVATE, "team/public:1"] {
            let change = UpdateApplication {
                source: Some(image(reference)),
                build: Some(Build::None),
                ..no_changes(&theirs.application)
            };
            h.ok::<UpdateApplicationOp>(&theirs.tenant.owner, change).await;
            theirs.deploy_well().await;
        }
        h.engines.engine.state().registry.clear();
        theirs.deploy_well().await;
    })
    .await;
}
