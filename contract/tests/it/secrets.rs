//! What is marked secret never shows in debug output, and still crosses the wire.

use contract::accounts::{AcceptInvitation, ChangePassword, CompleteSetup, InvitationToken, SignIn};
use contract::api_keys::NewApiKey;
use contract::git_credentials::CreateGitCredential;
use contract::organizations::NewInvitation;
use contract::private_keys::CreatePrivateKey;
use contract::registry_credentials::CreateRegistryCredential;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

fn check<T: Serialize + DeserializeOwned + Debug + PartialEq>(json: serde_json::Value) {
    let value: T = serde_json::from_value(json.clone()).unwrap();
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("(secret)"), "{shown}");
    }
    let back: T = serde_json::from_str(&serde_json::to_string(&value).unwrap()).unwrap();
    assert_eq!(back, value);
    assert!(serde_json::to_string(&value).unwrap().contains("hush"));
}

#[test]
fn secrets_do_not_show() {
    let id = "0192d3a0-0000-7000-8000-000000000000";
    check::<SignIn>(serde_json::json!({ "email": "a@example.com", "password": "hush" }));
    check::<InvitationToken>(serde_json::json!({ "token": "hush" }));
    check::<AcceptInvitation>(serde_json::json!({ "token": "hush", "password": "hush" }));
    check::<ChangePassword>(serde_json::json!({ "current_password": "hush", "new_password": "hush" }));
    check::<CreatePrivateKey>(serde_json::json!({ "name": "n", "private_key": "hush" }));
    check::<CreateGitCredential>(serde_json::json!({
        "name": "n", "kind": "token", "username": null, "token": "hush", "private_key_id": null
    }));
    check::<CreateRegistryCredential>(serde_json::json!({ "host": "h", "username": "u", "password": "hush" }));
    check::<CompleteSetup>(serde_json::json!({
        "token": "hush", "name": "n", "email": "e", "password": "hush", "organization": "o"
    }));
    check::<NewApiKey>(
        serde_json::json!({ "id": id, "name": "n", "scopes": ["*"], "expires_at": null, "key": "hush" }),
    );
    check::<NewInvitation>(serde_json::json!({
        "id": id, "email": "e", "role": "viewer", "expires_at": "2026-01-01T00:00:00Z", "link": "hush"
    }));
}
