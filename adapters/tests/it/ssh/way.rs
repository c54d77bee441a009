//! Getting to a machine, and not getting to the wrong one.

use super::sshd::{Sshd, key_pair};
use super::{engine, hop, pinned, unknown, way};
use adapters::docker::DockerEngine;
use adapters::outbound::Outbound;
use adapters::ssh::Link;
use services::servers::engine::{Engine, EngineError, EngineResult};
use services::servers::way::{HopRole, SocketTrouble, WayError};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn refused<T: std::fmt::Debug>(outcome: EngineResult<T>) -> WayError {
    match outcome {
        Err(EngineError::Way(error)) => error,
        other => panic!("it should have been refused: {other:?}"),
    }
}

#[tokio::test]
async fn docker_over_ssh_answers_with_every_kind_of_key() {
    for kind in ["ed25519", "rsa", "ecdsa"] {
        let (private, public) = key_pair(kind);
        let mut sshd = Sshd::start(&[&public], "");
        sshd.stop();
        sshd.new_host_key(kind);
        sshd.run();
        let way = way(vec![hop(&sshd, HopRole::Server, &private)]);
        let (role, offered) = unknown(&way).await;
        assert_eq!((role, offered.fingerprint), (HopRole::Server, sshd.fingerprint()), "{kind}");
        let engine = engine(&pinned(way).await);
        let (there, here) = (engine.info().await.unwrap(), crate::docker::engine().info().await.unwrap());
        assert_eq!((there.id, there.version), (here.id, here.version), "{kind}");
        assert!(there.free_bytes > Some(0) && there.time.is_some(), "{kind}");
    }
}

#[tokio::test]
async fn ssh_a_machine_with_another_host_key_is_told_nothing() {
    let (private, public) = key_pair("ed25519");
    let mut sshd = Sshd::start(&[&public], "");
    let way = pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await;
    engine(&way).ping().await.unwrap();
    let known = sshd.fingerprint();
    sshd.cut();
    sshd.stop();
    sshd.new_host_key("ed25519");
    sshd.run();
    let before = sshd.log().len();
    match refused(engine(&way).ping().await) {
        WayError::HostKeyChanged { known: told, offered, role: HopRole::Server, .. } => {
            assert_eq!((told, offered.fingerprint), (known, sshd.fingerprint()));
        }
        other => panic!("{other:?}"),
    }
    let log = sshd.log()[before..].to_owned();
    assert!(!log.contains("publickey") && !log.contains("Accepted"), "nobody may sign in: {log}");
}

#[tokio::test]
async fn ssh_another_kind_of_key_besides_the_pinned_one_is_no_alarm() {
    let (private, public) = key_pair("ed25519");
    let sshd = Sshd::start(&[&public], "");
    let mut way = way(vec![hop(&sshd, HopRole::Server, &private)]);
    let (_, key) = unknown(&way).await;
    way.hops[0].host_key = Some(key);
    let folder = tempfile::tempdir().unwrap();
    let second = folder.path().join("second");
    let made = std::process::Command::new("ssh-keygen").args(["-q", "-N", "", "-t", "rsa", "-f"]).arg(&second).status();
    assert!(made.unwrap().success());
    drop(sshd);
    // Pinned by its RSA key, it has one of a kind that is usually preferred besides.
    let sshd = Sshd::start(&[&public], &format!("HostKey {}\nHostKeyAlgorithms rsa-sha2-512", second.display()));
    let mut way = super::way(vec![hop(&sshd, HopRole::Server, &private)]);
    let (_, rsa) = unknown(&way).await;
    assert_eq!(rsa.algorithm, "ssh-rsa");
    drop(sshd);
    let both = Sshd::start(&[&public], &format!("HostKey {}", second.display()));
    way.hops[0].port = both.port;
    way.hops[0].host_key = Some(rsa);
    engine(&way).ping().await.unwrap();
}

#[tokio::test]
async fn ssh_the_wrong_key_and_the_wrong_user_are_not_let_in() {
    let (private, public) = key_pair("ed25519");
    let sshd = Sshd::start(&[&public], "");
    let right = pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await;
    let mut wrong_key = right.clone();
    wrong_key.hops[0].key = Arc::new(zeroize::Zeroizing::new(key_pair("ed25519").0));
    let mut wrong_user = right.clone();
    wrong_user.hops[0].user = "nobody-of-this-name".into();
    for way in [&wrong_key, &wrong_user] {
        let error = refused(engine(way).ping().await);
        assert!(matches!(error, WayError::Login { .. }), "{error:?}");
    }
    let mut no_key = right.clone();
    no_key.hops[0].key = Arc::new(zeroize::Zeroizing::new("t0psecret".into()));
    let error = refused(engine(&no_key).ping().await);
    assert!(matches!(error, WayError::Key(_)) && !error.to_string().contains("t0psecret"), "{error:?}");
    assert!(!format!("{right:?}").contains("PRIVATE"));
    engine(&right).ping().await.unwrap();
}

#[tokio::test]
async fn ssh_leads_through_a_jump_host_and_both_are_pinned() {
    let ((private, public), (jump_private, jump_public)) = (key_pair("ed25519"), key_pair("ed25519"));
    let server = Sshd::start(&[&public], "");
    let mut jump = Sshd::start(&[&jump_public], "");
    let both = way(vec![hop(&jump, HopRole::Jump, &jump_private), hop(&server, HopRole::Server, &private)]);
    let (role, offered) = unknown(&both).await;
    assert_eq!((role, offered.fingerprint), (HopRole::Jump, jump.fingerprint()));
    let both = pinned(both).await;
    let engine = engine(&both);
    engine.info().await.unwrap();
    assert!(jump.log().contains("Accepted publickey") && server.log().contains("Accepted publickey"));

    jump.cut();
    jump.stop();
    jump.new_host_key("ed25519");
    jump.run();
    let before = server.signed_in();
    let error = refused(super::engine(&both).ping().await);
    assert!(matches!(error, WayError::HostKeyChanged { role: HopRole::Jump, .. }), "{error:?}");
    assert_eq!(server.signed_in(), before, "the server behind it was not asked");
}

#[tokio::test]
async fn ssh_is_there_again_after_a_cut() {
    let (private, public) = key_pair("ed25519");
    let mut sshd = Sshd::start(&[&public], "");
    let engine = engine(&pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await);
    for _ in 0..3 {
        engine.ping().await.unwrap();
        sshd.cut();
        // The first who asks may meet the end of what was there.
        let _met = engine.ping().await;
        engine.ping().await.unwrap();
    }
    sshd.cut();
    sshd.stop();
    assert!(engine.ping().await.is_err());
    sshd.run();
    let started = Instant::now();
    while engine.ping().await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(10), "it does not come back");
        tokio::time::timeout(Duration::from_millis(100), std::future::pending::<()>()).await.unwrap_err();
    }
}

#[tokio::test]
async fn ssh_one_that_says_nothing_is_given_up_and_holds_up_nobody() {
    let (private, public) = key_pair("ed25519");
    let sshd = Sshd::start(&[&public], "");
    let good = engine(&pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await);
    // It takes connections and never speaks.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut to_mute = way(vec![hop(&sshd, HopRole::Server, &private)]);
    to_mute.hops[0].port = mute.local_addr().unwrap().port();
    let dead = engine(&to_mute);
    let started = Instant::now();
    let asks = async {
        let error = refused(dead.ping().await);
        assert!(matches!(error, WayError::Silent { .. }), "{error:?}");
        let first = started.elapsed();
        assert!(first > Duration::from_secs(5) && first < Duration::from_secs(15), "{first:?}");
        // Who comes next is told at once.
        refused(dead.ping().await);
        assert!(started.elapsed() < first + Duration::from_secs(1));
    };
    let works = async {
        for _ in 0..20 {
            good.ping().await.unwrap();
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    };
    tokio::join!(asks, works);
}

#[tokio::test]
async fn ssh_goes_nowhere_that_a_tenant_may_not_reach() {
    let (private, public) = key_pair("ed25519");
    let sshd = Sshd::start(&[&public], "");
    for host in ["127.0.0.1", "localhost", "2130706433", "0x7f000001", "::1", "::ffff:127.0.0.1", "169.254.169.254"] {
        let mut way = way(vec![hop(&sshd, HopRole::Server, &private)]);
        way.hops[0].host = host.into();
        let link = Arc::new(Link::new(way, Outbound::default()));
        let error = refused(DockerEngine::over_ssh(link, Outbound::default(), crate::docker::reaper()).ping().await);
        assert!(matches!(error, WayError::Address(_)), "{host}: {error:?}");
    }
    assert_eq!(sshd.signed_in(), 0);
}

#[tokio::test]
async fn docker_is_reached_where_ssh_forbids_forwarding_to_its_socket() {
    let (private, public) = key_pair("ed25519");
    let sshd = Sshd::start(&[&public], "AllowStreamLocalForwarding no");
    let engine = engine(&pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await);
    engine.info().await.unwrap();
    // More at once than sshd takes commands of one connection.
    let asked = (0..30).map(|_| engine.info());
    for answer in futures::future::join_all(asked).await {
        answer.unwrap();
    }
}

#[tokio::test]
async fn ssh_says_when_it_leads_nowhere() {
    let (private, public) = key_pair("ed25519");
    let sshd = Sshd::start(&[&public], "DisableForwarding yes\nForceCommand /bin/false");
    let shut = engine(&pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await);
    match refused(shut.ping().await) {
        WayError::Socket { trouble: SocketTrouble::Forbidden(_), .. } => {}
        other => panic!("{other:?}"),
    }
    let sshd = Sshd::start(&[&public], "AllowTcpForwarding no");
    let half = engine(&pinned(way(vec![hop(&sshd, HopRole::Server, &private)])).await);
    half.ping().await.unwrap();
    let error = refused(half.port_user(1).await);
    assert!(matches!(error, WayError::Forwarding { .. }), "{error:?}");
}
