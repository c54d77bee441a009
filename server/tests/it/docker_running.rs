//! How applications run, on a real Docker Engine: what is stored stays, commands run once, ports and replicas serve.

use super::docker_deployments::{LONG, Place, ask, docker, free_port, quick_check, with};
use serde_json::{Value, json};

fn dockerfile() -> Value {
    json!({ "kind": "dockerfile" })
}

impl Place {
    async fn run(&self, run: Value) -> Value {
        self.ok("applications.update", json!({ "id": self.application, "run": run })).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_storage_stays_commands_run_once_and_a_port_has_the_shortest_gap() {
    with(Place::new(dockerfile(), quick_check()).await, async |place| {
        let port = free_port();
        let file = json!({ "application_id": place.application, "path": "/etc/app/greeting", "content": "a-secret-word", "secret": true });
        place.ok("application_files.set", file).await;
        let run = |pre: &str, command: Value| {
            json!({
                "volumes": [{ "name": "data", "path": "/data" }],
                "ports": [{ "host_port": port, "container_port": 8080 }],
                "pre_deploy": pre, "post_deploy": "echo \"ran $(wc -l < /data/runs) times\"",
                "labels": { "team": "shop" }, "stop_grace_seconds": 1, "command": command,
            })
        };
        let migrate = "echo \"migrating with $(cat /etc/app/greeting)\"; echo run >> /data/runs";
        let application = place.run(run(migrate, Value::Null)).await;
        assert_eq!(application["overlap"]["possible"], false);
        let first = place.deploy_well().await;
        let log = place.log(&first).await;
        assert!(log.contains("pre_deploy migrating with ••••••"), "{log}");
        assert!(log.contains("post_deploy ran 1 times") && !log.contains("a-secret-word"), "{log}");
        let direct = async || ask(&place.running.client, port, "nobody.example").await;
        assert_eq!(direct().await, (200, "v1".to_owned()));
        let label = docker(&["ps", "--filter", "label=team=shop", "--format", "{{.Names}}"]);
        assert_eq!(label.lines().count(), 1, "{label}");

        place.commit(2);
        let second = place.deploy_well().await;
        assert!(place.log(&second).await.contains("post_deploy ran 2 times"));
        assert_eq!((direct().await, place.answer().await), ((200, "v2".to_owned()), (200, "v2".to_owned())));

        // The command before fails: nothing was stopped.
        place.run(run("exit 7", Value::Null)).await;
        let third = place.ended(&place.deploy().await, LONG).await;
        assert!(third["failure"]["reason"].as_str().unwrap().contains("exit code 7"), "{third:#}");
        assert_eq!(direct().await.0, 200);

        // The new version dies: the old one serves again, at its port too.
        place.run(run(migrate, json!(["sh", "-c", "echo PAYMENT_KEY must be set; exit 3"]))).await;
        let fourth = place.ended(&place.deploy().await, LONG).await;
        assert!(fourth["failure"]["reason"].as_str().unwrap().contains("PAYMENT_KEY"), "{fourth:#}");
        assert_eq!((direct().await, place.answer().await), ((200, "v2".to_owned()), (200, "v2".to_owned())));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn docker_replicas_serve_side_by_side() {
    with(Place::new(dockerfile(), quick_check()).await, async |place| {
        place.run(json!({ "replicas": 3, "stop_grace_seconds": 1 })).await;
        place.deploy_well().await;
        let label = format!("label=canopy.application={}", place.application);
        let running = || docker(&["ps", "--filter", &label, "--format", "{{.Names}}"]);
        assert_eq!(running().lines().count(), 3, "{}", running());
        let one = running().lines().next().unwrap().to_owned();
        docker(&["exec", &one, "sh", "-c", "echo other > /www/index.html"]);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..12 {
            seen.insert(place.answer().await.1.trim().to_owned());
        }
        assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["other", "v1"], "all of them serve");

        let (status, refused) = place
            .running
            .call(
                &place.key(),
                "applications.update",
                json!({ "id": place.application, "run": { "host_mounts": [{ "source": "/etc", "path": "/host" }] } }),
            )
            .await;
        assert_eq!((status, &refused["errors"][0]["field"]), (422, &json!("run.host_mounts")));
    })
    .await;
}
