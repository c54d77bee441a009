//! Exports in the form of Coolify's own API documentation, and hostile ones.

use super::super::{Level, Plan, Reach, Verdict};
use super::{Export, FORMAT, map};
use proptest::prelude::*;
use serde_json::{Value, json};

/// One team with a server, a project, and an application of each kind.
fn sample() -> Value {
    serde_json::from_str(include_str!("sample.json")).unwrap()
}

fn plan(export: Value) -> Plan {
    map(&Export::parse(&serde_json::to_vec(&export).unwrap()).unwrap(), None)
}

fn left_out<'a>(plan: &'a Plan, name: &str) -> &'a str {
    &plan.left_out.iter().find(|row| row.name.contains(name)).unwrap_or_else(|| panic!("{name}: {plan:#?}")).notes[0]
}

#[test]
fn servers_and_their_keys() {
    let plan = plan(sample());
    let reaches: Vec<_> = plan.servers.iter().map(|server| (server.name.as_str(), &server.reach)).collect();
    let ssh = |host: &str, port, user: &str, key: &str| Reach::Ssh {
        host: host.into(),
        port,
        user: user.into(),
        key: key.into(),
    };
    assert_eq!(
        reaches,
        [
            ("localhost", &Reach::Local),
            ("web 1", &ssh("203.0.113.7", 2222, "deploy", "key-1")),
            ("web 2", &ssh("203.0.113.8", 22, "root", "of-server/srv-2")),
        ]
    );
    let given: Vec<_> =
        plan.keys.iter().map(|key| (key.id.as_str(), key.private_key.is_some(), key.notes.len())).collect();
    assert_eq!(given, [("key-1", true, 0), ("key-2", false, 1), ("of-server/srv-2", false, 1)]);
    assert!(left_out(&plan, "swarm").contains("Swarm"));
    // Keys never show.
    assert!(!format!("{plan:?}{:?}", plan.rows()).contains("BEGIN OPENSSH"));
}

#[test]
fn projects_and_what_is_not_brought_over() {
    let plan = plan(sample());
    assert_eq!((plan.projects[0].name.as_str(), plan.projects[0].description.as_str()), ("Shop", "All of it"));
    assert_eq!(plan.projects[0].environments[0].name, "production");
    assert!(left_out(&plan, "orders").contains("Databases"));
    assert!(left_out(&plan, "plausible").contains("several containers"));
    assert!(left_out(&plan, "stack").contains("Compose"));
    assert!(left_out(&plan, "lost").contains("server"));
    assert!(left_out(&plan, "HIDDEN").contains("value"));
    let shared: Vec<_> = plan.shared.iter().map(|one| (&one.level, one.variable.key.as_str())).collect();
    let (project, environment) = (Level::Project("prj-1".into()), Level::Environment("env-1".into()));
    assert_eq!(shared, [(&Level::Organization, "REGION"), (&project, "HOST"), (&environment, "MODE")]);
    let rows = plan.rows();
    assert!(rows.iter().any(|row| row.kind == "application" && row.verdict == Verdict::Differs));
    assert!(rows.iter().any(|row| row.kind == "private key" && row.verdict == Verdict::Maps));
    assert!(rows.iter().any(|row| row.kind == "database" && row.verdict == Verdict::NotMapped));
}

#[test]
fn an_application_of_each_kind() {
    let plan = plan(sample());
    let names: Vec<_> = plan.applications.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["acme-api-main-x4s", "cache", "text", "site", "site-2"]);
    let input = |index: usize| &plan.applications[index].input;
    assert_eq!(
        input(0),
        &json!({
            "name": "acme-api-main-x4s",
            "source": { "kind": "git", "url": "https://github.com/acme/api", "branch": "main", "lfs": true, "base_directory": "services/api" },
            "build": { "kind": "dockerfile", "path": "docker/Dockerfile", "target": "run" },
            "port": 8000,
            "health_check": { "path": "/healthz", "interval_seconds": 5, "timeout_seconds": 7, "retries": 10, "start_period_seconds": 5 },
            "memory_mb": 512,
            "cpu_millis": 500,
            "run": { "pre_deploy": "php artisan migrate", "ports": "5432:5432\n53:53" },
        })
    );
    assert_eq!(
        plan.applications[0].domains,
        [
            json!({ "host": "api.example.com", "force_https": true }),
            json!({ "host": "www.example.com", "path": "/v1", "strip_prefix": true, "force_https": true }),
        ]
    );
    let notes = plan.applications[0].notes.join("\n");
    for part in ["several ports", "LOCKED", "NOWHERE", "bad-key", "becomes acme-api-main-x4s", "SEEN"] {
        assert!(notes.contains(part), "{part}: {notes}");
    }
    assert_eq!(input(1)["source"], json!({ "kind": "image", "reference": "ghcr.io/acme/cache:1.2" }));
    assert_eq!((&input(1)["port"], &input(1)["build"]["kind"]), (&json!(6379), &json!("none")));
    assert!(plan.applications[1].notes[0].contains("memory and CPU"));
    assert_eq!(input(2)["source"], json!({ "kind": "dockerfile", "text": "FROM nginx\n" }));
    assert_eq!(input(3)["build"], json!({ "kind": "static", "publish_directory": "dist", "single_page": true }));
    assert_eq!(input(3)["source"]["url"], "https://github.com/acme/site.git");
    assert!(plan.applications[3].notes.iter().any(|note| note.contains("private")));
    assert_eq!(input(4)["build"], json!({ "kind": "nixpacks", "build_command": "npm run build" }));
}

#[test]
fn domains_keep_what_visitors_meet() {
    let with = |fields: Value| {
        let mut export = sample();
        for (name, value) in fields.as_object().unwrap() {
            export["applications"][0][name] = value.clone();
        }
        let plan = plan(export);
        (plan.applications[0].domains.clone(), plan.applications[0].notes.join("\n"))
    };
    let (domains, _) = with(json!({
        "fqdn": "https://example.com,https://www.example.com:9000", "redirect": "www",
        "settings": { "is_force_https_enabled": false },
    }));
    assert_eq!(
        domains,
        [
            json!({ "host": "www.example.com", "port": 9000, "force_https": false }),
            json!({ "host": "example.com", "redirect_to": "www.example.com", "force_https": false }),
        ]
    );
    let (_, notes) = with(json!({ "fqdn": "https://www.example.com", "redirect": "non-www" }));
    assert!(notes.contains("sent to example.com"), "{notes}");
    let protected =
        json!({ "fqdn": "https://example.com", "is_http_basic_auth_enabled": 1, "http_basic_auth_username": "ann" });
    let (domains, notes) = with(protected.clone());
    assert!(domains.is_empty() && notes.contains("add it here with one"), "{notes}");
    let mut protected = protected;
    protected["http_basic_auth_password"] = json!("correct-horse-battery");
    assert_eq!(with(protected).0[0]["basic_auth"], json!({ "user": "ann", "password": "correct-horse-battery" }));
}

#[test]
fn variables_keep_how_they_are_treated() {
    let plan = plan(sample());
    let of = |key: &str, preview: bool| {
        plan.applications[0].variables.iter().find(|one| one.key == key && one.preview == preview).unwrap()
    };
    let url = of("URL", false);
    assert_eq!((url.literal, url.build_time, url.run_time), (false, false, true));
    let pem = of("PEM", false);
    assert_eq!(
        (pem.value.as_str(), pem.literal, pem.multiline, pem.build_time),
        ("-----BEGIN-----\n$x\n-----END-----\n", true, true, true)
    );
    assert!(of("SEEN", false).secret);
    assert_eq!(of("URL", true).value, "preview");
    assert_eq!(plan.applications[0].variables.len(), 4);
    assert!(!format!("{plan:?}").contains("pg://"));
}

#[test]
fn strange_exports_are_refused_in_words() {
    let refused = |text: &[u8]| Export::parse(text).err().unwrap();
    assert!(refused(b"<html>").contains("not JSON"));
    assert!(refused(b"[]").contains("no export"));
    assert!(refused(br#"{"format":"other"}"#).contains("no export"));
    assert!(refused(format!(r#"{{"format":"{FORMAT}","servers":7}}"#).as_bytes()).contains("form"));
    let deep = format!(r#"{{"format":"{FORMAT}","servers":{}"#, "[".repeat(100_000));
    assert!(refused(deep.as_bytes()).contains("not JSON"));
    let many = json!({ "format": FORMAT, "servers": vec![Value::Null; 6000] });
    assert!(refused(&serde_json::to_vec(&many).unwrap()).contains("5000"));
    assert!(refused(&vec![b' '; 65 * 1024 * 1024]).contains("64 MiB"));
}

#[test]
fn wrong_types_markup_and_loops_do_no_harm() {
    let hostile = "\u{1b}[31m<script>alert(1)</script>\u{202e}$(id)\n";
    let odd = [json!(null), json!(7), json!("x"), json!([1]), json!({ "uuid": [] }), json!({ "uuid": {}, "name": 4 })];
    let plan = plan(json!({
        "format": FORMAT,
        "private_keys": odd, "servers": odd, "applications": odd, "team_variables": odd,
        "projects": [
            { "uuid": "p", "name": hostile, "environments": [
                { "uuid": "e", "name": hostile, "applications": [{ "uuid": "a" }] },
                // Again, and once more in another project.
                { "uuid": "e", "name": "again" },
            ]},
            { "uuid": "q", "name": hostile, "environments": [{ "uuid": "e", "name": "loop" }] },
            { "uuid": "p", "name": "again" },
        ],
        "missing": [hostile],
    }));
    assert_eq!(plan.projects.len(), 2);
    assert_eq!(plan.projects.iter().map(|project| project.environments.len()).sum::<usize>(), 1);
    for row in plan.rows() {
        let shown = format!("{}{}{}", row.name, row.id, row.notes.join(""));
        assert!(!shown.contains(['\u{1b}', '\n', '\u{202e}']), "{shown:?}");
    }
    assert!(contract::validation::slug(&plan.projects[0].environments[0].name).is_ok());
}

#[test]
fn hostile_fields_of_an_application_are_left_out_or_refused() {
    for (field, value) in [
        ("git_repository", json!("--upload-pack=id")),
        ("git_repository", json!("ext::sh -c id")),
        ("git_repository", json!("file:///etc/passwd")),
        ("git_branch", json!("--upload-pack=id")),
        ("base_directory", json!("/../../etc")),
        ("dockerfile_location", json!("/../../etc/passwd")),
        ("dockerfile_target_build", json!("x\nRUN id")),
        ("fqdn", json!("https://a.example.com`id`,javascript:alert(1),http://127.0.0.1,*.example.com")),
        ("health_check_path", json!("/$(id)\r\nHost: x")),
        ("ports_mappings", json!("1:2:3,a:b,99999:1,80")),
        ("ports_exposes", json!("0")),
        ("limits_memory", json!("-1g")),
        ("limits_cpus", json!("1e400")),
        ("name", json!("$(id)")),
    ] {
        let mut export = sample();
        export["applications"][0][field] = value.clone();
        let plan = plan(export);
        let Some(mapped) = plan.applications.iter().find(|one| one.id == "app-git") else {
            assert!(!plan.left_out.is_empty());
            continue;
        };
        let text = format!("{}{}", mapped.input, serde_json::Value::from(mapped.domains.clone()));
        for part in ["..", "id)", "`", "--upload", "RUN", "javascript", "127.0.0.1", "*", "Host"] {
            assert!(!text.contains(part), "{field} {value}: {text}");
        }
        assert!(mapped.notes.len() >= 2, "{field} {value}: {:?}", mapped.notes);
    }
}

proptest! {
    /// Whatever is in it, mapping ends and gives names that are taken here.
    #[test]
    fn any_json_is_mapped_or_told_of(name in "\\PC{0,100}", value in "\\PC{0,60}", number in any::<u64>(), index in 0usize..20) {
        let mut export = sample();
        let fields = ["name", "build_pack", "fqdn", "ports_exposes", "limits_memory", "limits_cpus", "git_repository", "git_branch",
            "base_directory", "environment_id", "uuid", "dockerfile", "envs", "settings", "ports_mappings", "publish_directory",
            "git_commit_sha", "health_check_interval", "health_check_enabled", "docker_registry_image_tag"];
        for application in export["applications"].as_array_mut().unwrap() {
            application[fields[index]] = if number % 3 == 0 { json!(number) } else { json!(value) };
        }
        export["projects"][0]["name"] = json!(name);
        export["servers"][1]["port"] = json!(number);
        let plan = plan(export);
        for application in &plan.applications {
            prop_assert!(contract::validation::slug(&application.name).is_ok());
        }
        for project in &plan.projects {
            prop_assert!(contract::validation::display_name(&project.name).is_ok(), "{:?}", project.name);
        }
    }
}
