//! Several replicas: their lines are one log, a terminal goes into the one that was chosen, and what needs only one takes
//! one that runs.

use super::stage::*;
use crate::harness::{Harness, on_each_database, operations};
use contract::Code;
use contract::applications::{ApplicationLogs, ContainerLog, UpdateApplication};
use contract::permissions::Permission;
use contract::running::RunSettings;
use contract::terminals::{OpenTerminal, TerminalSession};
use futures::StreamExt;
use services::applications::logs;
use services::servers::engine::ContainerState;
use services::terminals;

operations! {
    ReadLogs = query "applications.logs", Permission(Permission::ApplicationsRead),
        logs::read[ApplicationLogs] -> ContainerLog;
    OpenTerminalOp = command "terminals.opened", Permission(Permission::ApplicationsTerminal),
        terminals::open[OpenTerminal] -> TerminalSession;
}

/// Three that run, from the first to the last by name.
async fn three(stage: &Stage) -> Vec<String> {
    let run = RunSettings { replicas: 3, ..Default::default() };
    let update = UpdateApplication { run: Some(run), ..no_changes(&stage.application) };
    stage.h.ok::<UpdateApplicationOp>(&stage.tenant.owner, update).await;
    stage.deploy_well().await;
    let names: Vec<String> = stage.h.engines.engine.state().containers.values().map(|each| each.name.clone()).collect();
    let first = names.iter().min_by_key(|name| name.len()).unwrap().clone();
    (1..=3).map(|number| if number == 1 { first.clone() } else { format!("{first}-{number}") }).collect()
}

fn asked(stage: &Stage, replica: Option<u32>, limit: Option<u32>) -> ApplicationLogs {
    let id = stage.application.id;
    ApplicationLogs { id, replica, search: None, since: None, until: None, limit, cursor: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_all_replicas_are_one_log_in_order() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let names = three(&stage).await;
        for (name, seconds) in names.iter().zip([[1, 4, 7], [2, 5, 8], [3, 6, 9]]) {
            let lines = seconds.map(|second| format!("2026-11-22T10:00:0{second}Z line {second}\n"));
            h.engines.engine.state().outputs.insert(name.clone(), lines.concat());
        }
        let read = async |replica, limit| {
            let log = h.ok::<ReadLogs>(owner, asked(&stage, replica, limit)).await;
            let lines: Vec<_> = log.items.into_iter().map(|line| (line.replica.unwrap(), line.text)).collect();
            (lines, log.next_cursor)
        };
        let line = |number: u32| ((number - 1) % 3 + 1, format!("line {number}"));
        let all: Vec<_> = (1..=9).map(line).collect();
        assert_eq!(read(None, None).await, (all.clone(), None));
        let (newest, earlier) = read(None, Some(4)).await;
        assert_eq!(newest, all[5..]);
        let before = ApplicationLogs { cursor: earlier, ..asked(&stage, None, None) };
        let before = h.ok::<ReadLogs>(owner, before).await.items;
        assert_eq!(
            before.into_iter().map(|line| line.text).collect::<Vec<_>>(),
            ["line 1", "line 2", "line 3", "line 4", "line 5"]
        );
        assert_eq!(read(Some(2), None).await.0, [line(2), line(5), line(8)]);
        for unknown in [0, 4] {
            let refused = h.refused::<ReadLogs>(owner, asked(&stage, Some(unknown), None)).await;
            assert_eq!(refused.errors[0].field, "replica");
        }
        let (platform, scope, id) = (h.platform.clone(), stage.tenant.scope, stage.application.id);
        let followed = logs::follow(platform, scope, id, None, 100).await.unwrap();
        assert_eq!(followed.map(|line| (line.replica.unwrap(), line.text)).collect::<Vec<_>>().await, all);
        // One that is gone takes the others' lines with it no more.
        h.engines.engine.state().containers.retain(|_, each| each.name != names[0]);
        assert_eq!(read(None, None).await.0.len(), 6);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_goes_into_the_chosen_replica_or_the_first_that_runs() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let owner = &stage.tenant.owner;
        let names = three(&stage).await;
        let asked = |replica| OpenTerminal { application_id: stage.application.id, replica };
        let open = async |replica| h.ok::<OpenTerminalOp>(owner, asked(replica)).await.container_name;
        assert_eq!(open(Some(3)).await, names[2]);
        for container in h.engines.engine.state().containers.values_mut().filter(|each| each.name == names[0]) {
            container.state = ContainerState::Exited { code: 1, out_of_memory: false };
        }
        assert_eq!(open(None).await, names[1]);
        let refused = h.refused::<OpenTerminalOp>(owner, asked(Some(1))).await;
        assert_eq!((refused.code, refused.detail.starts_with("Replica 1 does not run")), (Code::Conflict, true));
        assert_eq!(h.refused::<OpenTerminalOp>(owner, asked(Some(4))).await.code, Code::Invalid);
        stage.work().await;
    })
    .await;
}
