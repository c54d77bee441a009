use super::*;
use contract::running::RunSettings;
use proptest::prelude::*;

fn faults_of(settings: &RunSettings) -> Vec<String> {
    let mut faults = Faults::default();
    check(&mut faults, settings, Vec::new());
    match faults.into_result() {
        Ok(()) => Vec::new(),
        Err(crate::Error::Invalid(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
        Err(other) => vec![format!("{other:?}")],
    }
}

fn mount(source: &str) -> RunSettings {
    let mount = wire::HostMount { source: source.into(), path: "/mnt".into(), read_only: true };
    RunSettings { host_mounts: vec![mount], ..Default::default() }
}

#[test]
fn what_nobody_set_passes_and_overlaps() {
    let mut faults = Faults::default();
    let running = check(&mut faults, &RunSettings::default(), Vec::new()).unwrap();
    faults.into_result().unwrap();
    assert!(running.overlap().possible);
    let mut faults = Faults::default();
    running.check_policy(&mut faults, HostAccess::default());
    faults.into_result().unwrap();
}

#[test]
fn the_docker_socket_is_not_reached_by_another_name() {
    for source in ["/", "/var", "/var/run", "/var/run/docker.sock", "/run"] {
        assert_eq!(faults_of(&mount(source)), ["run.host_mounts.0.source"], "{source}");
    }
    for source in ["/var/lib", "/var/lib/docker", "/var/lib/docker/volumes/x/_data", "/var/lib/containerd"] {
        assert_eq!(faults_of(&mount(source)), ["run.host_mounts.0.source"], "{source}");
    }
    assert!(faults_of(&mount("/srv/media")).is_empty());
    assert!(faults_of(&mount("/var/lib/docker-data")).is_empty());
}

#[test]
fn storage_and_ports_forbid_an_overlap() {
    let volume = |read_only| wire::Volume { name: "data".into(), path: "/data".into(), read_only };
    let overlaps = |settings: &RunSettings| {
        check(&mut Faults::default(), settings, Vec::new()).is_some_and(|running| running.overlap().possible)
    };
    assert!(!overlaps(&RunSettings { volumes: vec![volume(false)], ..Default::default() }));
    assert!(overlaps(&RunSettings { volumes: vec![volume(true)], ..Default::default() }));
    let port = PublishedPort { host_port: 5432, container_port: 5432, protocol: Default::default() };
    assert!(!overlaps(&RunSettings { ports: vec![port.clone()], ..Default::default() }));
    let two = RunSettings { ports: vec![port.clone(), port], ..Default::default() };
    assert_eq!(faults_of(&two), ["run.ports.1"]);
}

#[test]
fn a_text_is_one_argument_of_the_containers_shell() {
    let settings = RunSettings {
        pre_deploy: Some(wire::CommandLine::Text("migrate; rm -rf \"$X\"".into())),
        post_deploy: Some(wire::CommandLine::Arguments(vec!["/bin/warm".into(), "--all".into()])),
        ..Default::default()
    };
    let running = check(&mut Faults::default(), &settings, Vec::new()).unwrap();
    let texts = |command: Option<Vec<CommandArgument>>| -> Vec<String> {
        command.unwrap().iter().map(|argument| argument.to_string()).collect()
    };
    assert_eq!(texts(running.pre_deploy), ["/bin/sh", "-c", "migrate; rm -rf \"$X\""]);
    assert_eq!(texts(running.post_deploy), ["/bin/warm", "--all"]);
}

proptest! {
    #[test]
    fn nothing_of_the_server_is_had_without_the_policy(
        privileged: bool, host_network: bool, docker_socket: bool, mounts: bool,
        allowed_privileged: bool, allowed_network: bool, allowed_socket: bool, allowed_mounts: bool,
    ) {
        let settings = RunSettings {
            privileged, host_network, docker_socket,
            host_mounts: if mounts { mount("/srv").host_mounts } else { Vec::new() },
            ..Default::default()
        };
        let running = check(&mut Faults::default(), &settings, Vec::new()).unwrap();
        let allowed = HostAccess {
            privileged: allowed_privileged, host_network: allowed_network,
            docker_socket: allowed_socket, host_mounts: allowed_mounts,
        };
        let mut faults = Faults::default();
        running.check_policy(&mut faults, allowed);
        let fine = (!privileged || allowed_privileged) && (!host_network || allowed_network)
            && (!docker_socket || allowed_socket) && (!mounts || allowed_mounts);
        prop_assert_eq!(faults.into_result().is_ok(), fine);
    }
}

#[test]
fn a_file_lies_in_no_storage_and_no_other_file() {
    let volume = |path: &str| wire::Volume { name: "data".into(), path: path.into(), read_only: false };
    let settings =
        RunSettings { volumes: vec![volume("/data")], host_mounts: mount("/srv").host_mounts, ..Default::default() };
    let mounted = settings.host_mounts[0].path.clone();
    let refused = |path: &str| in_the_way(path, &settings, &["/etc/app/config", "/etc/key"]).is_some();
    for path in ["/data", "/data/x", "/data/x/y", &mounted, &format!("{mounted}/x"), "/etc/key/x", "/etc", "/etc/app"] {
        assert!(refused(path), "{path}");
    }
    for path in ["/database", "/datax/y", "/etc/app/config", "/etc/app/config2", "/etc/key2", "/da"] {
        assert!(!refused(path), "{path}");
    }
}
