//! API keys and SSH keys.

use crate::calls::*;
use crate::harness::{Harness, on_each_database};
use contract::api_keys::*;
use contract::permissions::Role;
use contract::private_keys::*;
use contract::{Code, Empty};
use entity::{Tenant as _, api_key, private_key, server};
use sea_orm::{ActiveValue::Set, EntityTrait};
use services::api_keys::authenticate_key;
use services::caller::{Caller, Identity};
use std::time::Duration;

fn new_key(scopes: &[&str]) -> CreateApiKey {
    CreateApiKey { name: "ci".into(), scopes: scopes.iter().map(|each| (*each).to_owned()).collect(), expires_at: None }
}

async fn bearer(h: &Harness, key: &str) -> Option<Caller> {
    let person = authenticate_key(&h.platform, key).await.unwrap()?;
    Some(Caller::new("request".into(), Identity::Person(person)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_what_its_scopes_say() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        for (scopes, expires_at) in
            [(vec![], None), (vec!["projects"], None), (vec!["*", "Projects.*"], None), (vec!["*"], Some(h.now()))]
        {
            let input = CreateApiKey { expires_at, ..new_key(&scopes) };
            assert_eq!(h.refused::<CreateKey>(&acme.owner, input).await.code, Code::Invalid, "{scopes:?}");
        }
        let made = h.ok::<CreateKey>(&acme.owner, new_key(&["members.*", "account.get"])).await;
        assert!(!format!("{made:?}").contains(&made.key));
        let key = bearer(&h, &made.key).await.unwrap();
        assert_eq!(h.ok::<WhoAmI>(&key, Empty {}).await.organization.unwrap().id, acme.organization);
        h.ok::<Members>(&key, Default::default()).await;
        assert_eq!(h.refused::<AuditLog>(&key, Default::default()).await.code, Code::KeyScopeMissing);
        assert_eq!(h.refused::<Sessions>(&key, Empty {}).await.code, Code::KeyScopeMissing);

        let listed = h.ok::<Keys>(&acme.owner, Default::default()).await.items.remove(0);
        assert_eq!(listed.prefix, made.key[..15]);
        assert_eq!(listed.created_by, acme.owner.person().unwrap().email);
        assert!(!serde_json::to_string(&listed).unwrap().contains(&made.key));
        let row = api_key::Entity::find_in(acme.scope).one(h.platform.database.read()).await.unwrap().unwrap();
        assert!(!format!("{row:?}").contains(&made.key));
        for wrong in ["", "canopy_x", &made.key[1..], &format!("{}x", made.key), &made.key.to_uppercase()] {
            assert!(bearer(&h, wrong).await.is_none(), "{wrong}");
        }
        let other = h.organization("Other").await;
        assert_eq!(h.refused::<RevokeKey>(&other.owner, ApiKeyRef { id: made.id }).await.code, Code::NotFound);
        assert!(h.ok::<Keys>(&other.owner, Default::default()).await.items.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_makes_no_key_that_is_wider_than_itself() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let end = h.now() + Duration::from_secs(3600);
        let input = CreateApiKey { expires_at: Some(end), ..new_key(&["api_keys.*", "projects.list"]) };
        let made = h.ok::<CreateKey>(&acme.owner, input).await;
        let key = bearer(&h, &made.key).await.unwrap();
        for scopes in [&["*"][..], &["projects.*"], &["api_keys.create", "members.list"]] {
            let input = CreateApiKey { expires_at: Some(end), ..new_key(scopes) };
            assert!(h.refused::<CreateKey>(&key, input).await.field("scopes").is_some(), "{scopes:?}");
        }
        assert!(h.refused::<CreateKey>(&key, new_key(&["projects.list"])).await.field("expires_at").is_some());
        h.ok::<CreateKey>(&key, CreateApiKey { expires_at: Some(end), ..new_key(&["projects.list"]) }).await;
        let wide = h.ok::<CreateKey>(&acme.owner, new_key(&["*"])).await;
        assert!(h.refused::<RotateKey>(&key, ApiKeyRef { id: wide.id }).await.field("scopes").is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_end_when_they_should() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let end = h.now() + Duration::from_secs(60);
        let short = h.ok::<CreateKey>(&acme.owner, CreateApiKey { expires_at: Some(end), ..new_key(&["*"]) }).await;
        assert!(bearer(&h, &short.key).await.is_some());
        h.clock.advance(Duration::from_secs(60));
        assert!(bearer(&h, &short.key).await.is_none());
        assert_eq!(h.refused::<RotateKey>(&acme.owner, ApiKeyRef { id: short.id }).await.code, Code::Conflict);

        let old = h.ok::<CreateKey>(&acme.owner, new_key(&["members.*"])).await;
        let new = h.ok::<RotateKey>(&acme.owner, ApiKeyRef { id: old.id }).await;
        assert_eq!((new.name.as_str(), &new.scopes), ("ci", &old.scopes));
        assert!(bearer(&h, &old.key).await.is_some() && bearer(&h, &new.key).await.is_some());
        h.clock.advance(Duration::from_secs(24 * 3600));
        assert!(bearer(&h, &old.key).await.is_none() && bearer(&h, &new.key).await.is_some());

        // A key acts as its holder: nobody else gets its secret, but an admin may end it.
        let admin = h.member(&acme, Role::Admin).await;
        assert_eq!(h.refused::<RotateKey>(&admin, ApiKeyRef { id: new.id }).await.code, Code::Forbidden);
        h.ok::<RevokeKey>(&admin, ApiKeyRef { id: new.id }).await;
        h.ok::<RevokeKey>(&admin, ApiKeyRef { id: new.id }).await;
        assert!(bearer(&h, &new.key).await.is_none());
        let events = h.ok::<AuditLog>(&acme.owner, Default::default()).await.items;
        assert_eq!(events.iter().filter(|event| event.action == "api_keys.revoke").count(), 1);

        let listed = h.ok::<Keys>(&acme.owner, ListApiKeys { search: Some("CI".into()), ..Default::default() }).await;
        assert_eq!(listed.items.iter().map(|key| key.id).collect::<Vec<_>>(), [new.id, old.id, short.id]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_use_of_a_key_is_written_once_a_minute() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let key = h.ok::<CreateKey>(&acme.owner, new_key(&["*"])).await;
        let last_used = async || h.ok::<Keys>(&acme.owner, Default::default()).await.items[0].last_used_at;
        assert_eq!(last_used().await, None);
        let first = h.now();
        for _ in 0..2 {
            bearer(&h, &key.key).await.unwrap();
            assert_eq!(last_used().await, Some(first));
            h.clock.advance(Duration::from_secs(59));
        }
        bearer(&h, &key.key).await.unwrap();
        assert_eq!(last_used().await, Some(h.now()));
    })
    .await;
}

fn pasted(name: &str, text: Option<String>) -> CreatePrivateKey {
    CreatePrivateKey { name: name.into(), private_key: text }
}

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/ssh_keys");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ssh_keys_are_made_and_read_and_sealed() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let made = h.ok::<CreatePrivate>(&acme.owner, pasted("made", None)).await;
        assert!(made.public_key.starts_with("ssh-ed25519 AAAA"), "{}", made.public_key);
        assert!(made.fingerprint.starts_with("SHA256:"));
        assert_eq!(h.refused::<CreatePrivate>(&acme.owner, pasted("made", None)).await.code, Code::Conflict);

        for name in ["ed25519", "ecdsa", "rsa", "rsa_pkcs1", "rsa_pkcs8", "ed25519_pkcs8"] {
            let text = fixture(name).replace('\n', "\r\n");
            let key = h.ok::<CreatePrivate>(&acme.owner, pasted(name, Some(format!("  {text} \n")))).await;
            assert_eq!(key.fingerprint, fixture(&format!("{name}.fingerprint")).trim(), "{name}");
            let open = services::private_keys::reveal(&h.platform, acme.scope, key.id).await.unwrap();
            let again = ssh_key::PrivateKey::from_openssh(open.as_bytes()).unwrap();
            assert_eq!(again.fingerprint(ssh_key::HashAlg::Sha256).to_string(), key.fingerprint);
        }
        let locked = h.refused::<CreatePrivate>(&acme.owner, pasted("locked", Some(fixture("locked")))).await;
        assert!(locked.field("private_key").unwrap().contains("passphrase"));
        let locked = h.refused::<CreatePrivate>(&acme.owner, pasted("locked", Some(fixture("locked_pkcs8")))).await;
        assert!(locked.field("private_key").unwrap().contains("passphrase"));
        let weak = h.refused::<CreatePrivate>(&acme.owner, pasted("weak", Some(fixture("rsa_1024")))).await;
        assert!(weak.field("private_key").unwrap().contains("2048"));
        let public = made.public_key.clone();
        let cut = fixture("ed25519")[..200].to_owned();
        for wrong in ["key", public.as_str(), cut.as_str(), &"x".repeat(100_000), "-----BEGIN PRIVATE KEY-----"] {
            let refusal = h.refused::<CreatePrivate>(&acme.owner, pasted("wrong", Some(wrong.to_owned()))).await;
            assert!(refusal.field("private_key").is_some());
        }

        let rows = private_key::Entity::find_in(acme.scope).all(h.platform.database.read()).await.unwrap();
        assert_eq!(rows.len(), 7);
        assert!(rows.iter().all(|row| !String::from_utf8_lossy(&row.sealed).contains("OPENSSH")));
        let other = h.organization("Other").await;
        assert!(services::private_keys::reveal(&h.platform, other.scope, made.id).await.is_err());
        assert_eq!(h.refused::<DeletePrivate>(&other.owner, PrivateKeyRef { id: made.id }).await.code, Code::NotFound);
        let input = pasted("shown", Some("secret".into()));
        assert!(!format!("{input:?}").contains("\"secret\""));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ssh_key_in_use_stays() {
    on_each_database(async |h: Harness| {
        let acme = h.organization("Acme").await;
        let key = h.ok::<CreatePrivate>(&acme.owner, pasted("key", None)).await;
        let connection = contract::servers::Connection::Ssh {
            host: "192.0.2.1".into(),
            port: 22,
            user: "root".into(),
            private_key_id: key.id,
            jump: None,
        };
        let id: contract::ids::ServerId = services::clock::new_id();
        server::Entity::insert(server::ActiveModel {
            id: Set(id),
            organization_id: Set(acme.organization),
            name: Set("build-1".into()),
            connection: Set(serde_json::to_value(connection).unwrap()),
            status: Set("ready".into()),
            checks: Set(serde_json::json!([])),
            created_at: Set(h.now()),
            ..Default::default()
        })
        .exec_without_returning(h.platform.database.write())
        .await
        .unwrap();
        let refusal = h.refused::<DeletePrivate>(&acme.owner, PrivateKeyRef { id: key.id }).await;
        assert_eq!(refusal.code, Code::Conflict);
        assert!(refusal.detail.contains("build-1"));
        server::Entity::delete_in(acme.scope).exec(h.platform.database.write()).await.unwrap();
        h.ok::<DeletePrivate>(&acme.owner, PrivateKeyRef { id: key.id }).await;
        assert!(h.ok::<PrivateKeys>(&acme.owner, Default::default()).await.items.is_empty());
    })
    .await;
}
