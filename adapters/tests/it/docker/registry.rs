//! Private images: a real registry that asks for a password.

use super::{BUSYBOX, Corner, collector, nowhere, reaper, text, until};
use adapters::docker::{DEFAULT_SOCKET, DockerEngine};
use adapters::outbound::Outbound;
use services::registry_credentials::Guarded;
use services::servers::engine::{BuildRequest, BuildSecrets, Engine, EngineError, RegistryLogin};
use services::values::ImageReference;
use std::fs;
use std::process::{Child, Command, Stdio};
use tokio_util::sync::CancellationToken;

/// `hush-password`, as htpasswd keeps it.
const USERS: &str = "canopy:$2b$05$aAv7W9yZF48O12IgNb2zZOi0HwAQlawTXFnFlORVCeDKD0cAT41MK\n";
/// The same as a client sends it.
const BASIC: &str = "Y2Fub3B5Omh1c2gtcGFzc3dvcmQ=";

struct Registry {
    folder: tempfile::TempDir,
    host: String,
    process: Child,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _gone = self.process.wait();
    }
}

impl Registry {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("htpasswd"), USERS).unwrap();
        let settings = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {data}\nhttp:\n  addr: {host}\n\
             auth:\n  htpasswd:\n    realm: test\n    path: {users}\n",
            data = at("data").display(),
            users = at("htpasswd").display(),
        );
        fs::write(at("config.yml"), settings).unwrap();
        fs::create_dir(at("client")).unwrap();
        let client = format!("{{\"auths\":{{\"{host}\":{{\"auth\":\"{BASIC}\"}}}}}}");
        fs::write(at("client/config.json"), client).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(at("config.yml"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the registry listens", || async { std::net::TcpStream::connect(&host).is_ok() }).await;
        Self { folder, host, process }
    }

    /// Brings busybox there under this name, and away from the engine.
    fn push(&self, name: &str) -> String {
        let image = format!("{}/{name}", self.host);
        let docker = |arguments: &[&str]| {
            let client = self.folder.path().join("client");
            let ended = Command::new("docker").arg("--config").arg(client).args(arguments).output().unwrap();
            assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
        };
        docker(&["tag", BUSYBOX, &image]);
        docker(&["push", &image]);
        docker(&["rmi", &image]);
        image
    }

    fn login(&self, password: &str) -> RegistryLogin {
        let password = password.to_owned().into();
        RegistryLogin { host: self.host.clone(), username: "canopy".to_owned(), password }
    }
}

#[tokio::test]
async fn private_images_come_with_their_registrys_password_only() {
    let corner = Corner::new().await;
    let loopback = Outbound::new(vec!["127.0.0.0/8".parse().unwrap()], None);
    let engine = DockerEngine::new(DEFAULT_SOCKET, loopback, reaper());
    let registry = Registry::start().await;
    let image = registry.push(&format!("team/{}:1", corner.instance));
    let reference = ImageReference::parse(&image).unwrap();
    let cancel = CancellationToken::new();
    let (right, wrong) = (registry.login("hush-password"), registry.login("another-password"));
    for login in [None, Some(&wrong)] {
        let (sink, taken) = collector();
        let refused = engine.pull(&reference, login, sink, &cancel).await.unwrap_err();
        let said = format!("{refused:?} {}", text(&taken));
        assert!(!said.contains("password") && !said.contains("canopy:"), "{said}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Dockerfile"), format!("FROM {image}\nLABEL made=here\n")).unwrap();
    let refused = engine.build(corner.build(folder.path()), nowhere(), &cancel).await;
    assert!(matches!(refused, Err(EngineError::Failed(_) | EngineError::NotFound(_))), "{refused:?}");
    let known = (right.username.clone(), right.password.to_string());
    let registries = [(registry.host.clone(), known)].into();
    let request =
        BuildRequest { secrets: BuildSecrets { registries, ..BuildSecrets::default() }, ..corner.build(folder.path()) };
    let (sink, taken) = collector();
    engine.build(request, sink, &cancel).await.unwrap();
    assert!(!text(&taken).contains("hush"));
    engine.remove_image(&image).await.unwrap();

    // One organization's login brings it to an engine that others use too: it stays the registry's to give.
    engine.pull(&reference, Some(&right), nowhere(), &cancel).await.unwrap();
    fs::write(folder.path().join("Dockerfile"), format!("FROM {image}\nLABEL made=there\n")).unwrap();
    engine.build(corner.build(folder.path()), nowhere(), &cancel).await.expect("the engine itself gives it to anybody");
    let guarded: Guarded = [image.clone()].into_iter().collect();
    let naming = [
        format!("FROM {image}\nLABEL made=here\n"),
        format!("FROM {BUSYBOX}\nCOPY --from={image} /bin/busybox /stolen\n"),
        format!("FROM {BUSYBOX}\nRUN --mount=from={image},target=/x ls /x\n"),
    ];
    for dockerfile in naming {
        fs::write(folder.path().join("Dockerfile"), &dockerfile).unwrap();
        let request = BuildRequest { guarded: guarded.clone(), ..corner.build(folder.path()) };
        let refused = engine.build(request, nowhere(), &cancel).await;
        assert!(matches!(refused, Err(EngineError::Failed(_) | EngineError::NotFound(_))), "{dockerfile} {refused:?}");
    }
    fs::write(folder.path().join("Dockerfile"), format!("FROM {image} AS base\nFROM base\nLABEL made=here\n")).unwrap();
    let known = (right.username.clone(), right.password.to_string());
    let secrets = BuildSecrets { registries: [(registry.host.clone(), known)].into(), ..BuildSecrets::default() };
    let request = BuildRequest { guarded: guarded.clone(), secrets, ..corner.build(folder.path()) };
    engine.build(request, nowhere(), &cancel).await.unwrap();
    for login in [None, Some(&wrong)] {
        assert!(engine.pull(&reference, login, nowhere(), &cancel).await.is_err());
    }
    engine.pull(&reference, Some(&right), nowhere(), &cancel).await.unwrap();
    engine.remove_image(&image).await.unwrap();
}
