//! The edge of webhooks, and the program in ssh's place.

use super::running::{On, Running};
use std::process::Command;

#[tokio::test]
async fn deliveries_to_nobody_are_refused_before_anything_is_read_of_them() {
    for on in On::all("deliveries_to_nobody_are_refused_before_anything_is_read_of_them") {
        let running = Running::start(on).await;
        running.admin_key();
        let id = uuid::Uuid::now_v7();
        let send = async |path: String, body: Vec<u8>| {
            let sent = running.client.post(format!("{}/webhooks/{path}", running.url)).body(body).send().await.unwrap();
            assert!(!sent.headers().contains_key("set-cookie"));
            sent.status().as_u16()
        };
        assert_eq!(send(format!("github/{id}"), b"{}".to_vec()).await, 404);
        assert_eq!(send(format!("nobody/{id}"), b"{}".to_vec()).await, 404);
        assert_eq!(send("github/no-id".into(), b"{}".to_vec()).await, 404);
    }
}

#[test]
fn git_finds_ssh_behind_this_program() {
    let asked = Command::new(env!("CARGO_BIN_EXE_canopy"))
        .env(adapters::git::SSH_CONFIG, "/dev/null")
        .args(["-G", "somewhere"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&asked.stdout);
    assert!(asked.status.success() && said.contains("hostname somewhere"), "{said}");
}
