//! Scheduled tasks: when they run, what is recorded of each run, and that none is lost, doubled or left behind.

use crate::deployments::stage::{Restart, Stage, Stop};
use crate::harness::{Harness, on_each_database, operations};
use contract::applications::ApplicationRef;
use contract::ids::{ScheduledTaskId, ScheduledTaskRunId};
use contract::permissions::{Permission, Role};
use contract::scheduled_tasks::*;
use contract::variables::SetVariable;
use contract::{Code, Empty, Page};
use services::jobs::{Reconciler, Registry, Runner, RunnerSettings};
use services::tasks::{self, RunTask, TasksDue};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

operations! {
    Create = command "scheduled_tasks.create", Permission(Permission::ApplicationsTerminal),
        tasks::create[CreateScheduledTask] -> ScheduledTask;
    Update = command "scheduled_tasks.update", Permission(Permission::ApplicationsTerminal),
        tasks::update[UpdateScheduledTask] -> ScheduledTask;
    Delete = command "scheduled_tasks.delete", Permission(Permission::ApplicationsTerminal),
        tasks::delete[ScheduledTaskRef] -> Empty;
    Get = query "scheduled_tasks.get", Permission(Permission::ApplicationsRead),
        tasks::get[ScheduledTaskRef] -> ScheduledTask;
    List = query "scheduled_tasks.list", Permission(Permission::ApplicationsRead),
        tasks::list[ListScheduledTasks] -> Page<ScheduledTask>;
    Run = command "scheduled_tasks.run", Permission(Permission::ApplicationsTerminal),
        tasks::run[ScheduledTaskRef] -> ScheduledTaskRun;
    Runs = query "scheduled_task_runs.list", Permission(Permission::ApplicationsRead),
        tasks::list_runs[ListScheduledTaskRuns] -> Page<ScheduledTaskRun>;
    GetRun = query "scheduled_task_runs.get", Permission(Permission::ApplicationsRead),
        tasks::get_run[ScheduledTaskRunRef] -> ScheduledTaskRunOutput;
    Cancel = command "scheduled_task_runs.cancel", Permission(Permission::ApplicationsTerminal),
        tasks::cancel[ScheduledTaskRunRef] -> ScheduledTaskRun;
}

const MINUTE: Duration = Duration::from_secs(60);

/// An application that serves, whose tasks are tested.
struct Scene {
    stage: Stage,
}

impl Scene {
    async fn new(h: &Harness) -> Self {
        let stage = Stage::new(h).await;
        let secret = SetVariable {
            application_id: stage.application.id,
            key: "TOKEN".into(),
            value: "t0psecret".into(),
            build_time: false,
            run_time: true,
            secret: true,
            ..serde_json::from_value(serde_json::json!({
                "application_id": stage.application.id, "key": "TOKEN", "value": "x"
            }))
            .unwrap()
        };
        h.ok::<crate::deployments::stage::SetVariableOp>(&stage.tenant.owner, secret).await;
        stage.deploy_well().await;
        Self { stage }
    }

    fn h(&self) -> &Harness {
        &self.stage.h
    }

    fn input(&self, cron: &str) -> CreateScheduledTask {
        serde_json::from_value(serde_json::json!({
            "application_id": self.stage.application.id, "name": "clean", "cron": cron,
            "command": ["/bin/clean", "--all; rm -rf /", "$HOME"],
        }))
        .unwrap()
    }

    async fn create(&self, cron: &str) -> ScheduledTask {
        self.create_with(cron, |_| ()).await
    }

    async fn create_with(&self, cron: &str, change: impl FnOnce(&mut CreateScheduledTask)) -> ScheduledTask {
        let mut input = self.input(cron);
        change(&mut input);
        self.h().ok::<Create>(&self.stage.tenant.owner, input).await
    }

    /// What is due is made by two processes at the same moment.
    async fn due(&self) {
        let platform = &self.h().platform;
        let (one, other) = tokio::join!(TasksDue.reconcile(platform), TasksDue.reconcile(platform));
        one.unwrap();
        other.unwrap();
    }

    fn runner(&self) -> Working {
        self.runner_that_holds_for(RunnerSettings::default().lease)
    }

    fn runner_that_holds_for(&self, lease: Duration) -> Working {
        let settings = RunnerSettings {
            poll: Duration::from_millis(5),
            heartbeat: Duration::from_millis(20),
            lease,
            ..RunnerSettings::default()
        };
        let stop = CancellationToken::new();
        let registry = Registry::default().job::<RunTask>();
        let runner = Runner::of(self.h().platform.clone(), settings, registry);
        Working { task: tokio::spawn(runner.run(stop.clone())), stop }
    }

    async fn runs(&self, task: ScheduledTaskId) -> Vec<ScheduledTaskRun> {
        let input = ListScheduledTaskRuns { task_id: task, status: None, limit: Some(200), cursor: None };
        self.h().ok::<Runs>(&self.stage.tenant.owner, input).await.items
    }

    async fn run(&self, id: ScheduledTaskRunId) -> ScheduledTaskRunOutput {
        self.h().ok::<GetRun>(&self.stage.tenant.owner, ScheduledTaskRunRef { id }).await
    }

    async fn until(&self, id: ScheduledTaskRunId, status: TaskRunStatus) -> ScheduledTaskRunOutput {
        let waited = tokio::time::timeout(Duration::from_secs(20), async {
            let mut look = tokio::time::interval(Duration::from_millis(5));
            loop {
                look.tick().await;
                let found = self.run(id).await;
                if found.run.status == status {
                    return found;
                }
            }
        });
        match waited.await {
            Ok(found) => found,
            Err(_) => panic!("never {status:?}: {:?}", self.run(id).await),
        }
    }

    /// A run that was asked for, once it runs.
    async fn running(&self, task: ScheduledTaskId) -> ScheduledTaskRunId {
        let run = self.h().ok::<Run>(&self.stage.tenant.owner, ScheduledTaskRef { id: task }).await;
        self.until(run.id, TaskRunStatus::Running).await;
        run.id
    }

    fn engine<T>(&self, change: impl FnOnce(&mut crate::doubles::EngineState) -> T) -> T {
        change(&mut self.h().engines.engine.state())
    }
}

struct Working {
    task: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Working {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn statuses(runs: &[ScheduledTaskRun]) -> Vec<TaskRunStatus> {
    runs.iter().map(|run| run.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_runs_when_it_is_due_once_with_its_words_as_they_are() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        scene.engine(|engine| engine.command_output = "cleaned t0psecret\n".into());
        let task = scene.create_with("0 * * * *", |input| input.time_zone = Some("europe/berlin".into())).await;
        assert_eq!((task.time_zone.as_str(), task.next_runs.len()), ("Europe/Berlin", 3));
        assert_eq!(task.command_line, r#"/bin/clean '--all; rm -rf /' '$HOME'"#);
        assert!(!task.schedule_words.is_empty());
        scene.due().await;
        assert!(scene.runs(task.id).await.is_empty());
        h.advance(60 * MINUTE);
        scene.due().await;
        scene.due().await;
        h.run_jobs().await;
        let runs = scene.runs(task.id).await;
        assert_eq!(statuses(&runs), [TaskRunStatus::Succeeded]);
        assert_eq!((runs[0].exit_code, runs[0].attempt, runs[0].due_at), (Some(0), 1, task.next_runs[0]));
        assert_eq!(scene.run(runs[0].id).await.output, "cleaned ••••••\n");
        let commands = scene.engine(|engine| engine.commands.clone());
        assert_eq!(commands.len(), 1);
        assert_eq!(commands[0].command, ["/bin/clean", "--all; rm -rf /", "$HOME"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_due_while_one_runs_is_skipped_and_one_that_runs_can_be_cancelled() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        scene.engine(|engine| engine.command_ends = None);
        let task = scene.create("*/5 * * * *").await;
        let working = scene.runner_that_holds_for(10 * MINUTE);
        let first = scene.running(task.id).await;
        let again = h.refused::<Run>(&scene.stage.tenant.owner, ScheduledTaskRef { id: task.id }).await;
        assert_eq!(again.code, Code::Conflict);
        h.advance(5 * MINUTE);
        scene.due().await;
        let runs = scene.runs(task.id).await;
        assert_eq!(statuses(&runs), [TaskRunStatus::Skipped, TaskRunStatus::Running]);
        assert!(runs[0].reason.as_ref().unwrap().contains("had not ended"));
        h.ok::<Cancel>(&scene.stage.tenant.owner, ScheduledTaskRunRef { id: first }).await;
        scene.until(first, TaskRunStatus::Cancelled).await;
        let late = h.refused::<Cancel>(&scene.stage.tenant.owner, ScheduledTaskRunRef { id: first }).await;
        assert_eq!(late.code, Code::Conflict);
        working.end().await;
        // One that waits never starts.
        h.advance(Duration::from_secs(1));
        let waits = h.ok::<Run>(&scene.stage.tenant.owner, ScheduledTaskRef { id: task.id }).await;
        let ended = h.ok::<Cancel>(&scene.stage.tenant.owner, ScheduledTaskRunRef { id: waits.id }).await;
        assert_eq!(ended.status, TaskRunStatus::Cancelled);
        h.run_jobs().await;
        assert_eq!(scene.engine(|engine| engine.commands.len()), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_missed_is_recorded_and_one_run_makes_up_for_it_where_it_is_wanted() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        let plain = scene.create("0 * * * *").await;
        let makes_up =
            scene.create_with("0 * * * *", |input| (input.name, input.catch_up) = ("other".into(), Some(true))).await;
        let often = scene.create_with("* * * * *", |input| input.name = "often".into()).await;
        h.advance(3 * 60 * MINUTE + 20 * MINUTE + Duration::from_secs(30));
        scene.due().await;
        h.run_jobs().await;
        assert_eq!(statuses(&scene.runs(plain.id).await), [TaskRunStatus::Missed; 3]);
        let runs = scene.runs(makes_up.id).await;
        assert_eq!(statuses(&runs), [TaskRunStatus::Succeeded, TaskRunStatus::Missed, TaskRunStatus::Missed]);
        assert_eq!(runs[0].trigger, TaskRunTrigger::CatchUp);
        // The last minute is on time; of the others the newest are recorded one by one, the rest counted.
        let runs = scene.runs(often.id).await;
        assert_eq!(runs[0].status, TaskRunStatus::Succeeded);
        assert_eq!(statuses(&runs[1..]), [TaskRunStatus::Missed; 10]);
        assert!(runs[10].reason.as_ref().unwrap().contains("189 runs before it"), "{:?}", runs[10].reason);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_run_is_tried_again_as_often_as_it_is_wanted() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        scene.engine(|engine| (engine.command_ends, engine.command_output) = (Some(3), "no\n".into()));
        let task = scene.create_with("0 0 1 1 *", |input| input.retries = Some(2)).await;
        let run = h.ok::<Run>(&scene.stage.tenant.owner, ScheduledTaskRef { id: task.id }).await;
        h.run_jobs().await;
        let found = scene.run(run.id).await.run;
        assert_eq!((found.status, found.attempt, found.exit_code), (TaskRunStatus::Queued, 1, Some(3)));
        h.advance(Duration::from_secs(10));
        h.run_jobs().await;
        assert_eq!(scene.run(run.id).await.run.attempt, 2);
        h.advance(Duration::from_secs(40));
        h.run_jobs().await;
        let found = scene.run(run.id).await;
        assert_eq!((found.run.status, found.run.attempt), (TaskRunStatus::Failed, 3));
        assert_eq!(found.run.reason.as_deref(), Some("It ended with exit code 3."));
        assert_eq!(found.output, "no\nno\nno\n");
        let marks = scene.engine(|engine| engine.commands.iter().map(|command| command.mark).collect::<Vec<_>>());
        assert!(marks[0] != marks[1] && marks[1] != marks[2]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_takes_too_long_fails() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        scene.engine(|engine| (engine.command_ends, engine.command_output) = (None, "begun\n".into()));
        let task = scene.create_with("0 0 1 1 *", |input| input.timeout_seconds = Some(1)).await;
        let run = h.ok::<Run>(&scene.stage.tenant.owner, ScheduledTaskRef { id: task.id }).await;
        h.run_jobs().await;
        let found = scene.run(run.id).await;
        assert_eq!((found.run.status, found.output.as_str()), (TaskRunStatus::Failed, "begun\n"));
        assert_eq!(found.run.reason.as_deref(), Some("It took longer than 1 s, and was ended."));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_process_died_has_failed_and_its_command_is_ended() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        scene.engine(|engine| engine.command_ends = None);
        let task = scene.create("0 0 1 1 *").await;
        let working = scene.runner();
        let run = scene.running(task.id).await;
        let mark = scene.engine(|engine| engine.commands[0].mark);
        // As a process dies: nothing is handed back.
        working.task.abort();
        let _dead = working.task.await;
        h.advance(Duration::from_secs(120));
        let working = scene.runner();
        let found = scene.until(run, TaskRunStatus::Failed).await;
        assert_eq!(found.run.reason.as_deref(), Some("The platform's process stopped while it ran."));
        assert!(scene.engine(|engine| engine.ended.iter().any(|end| end.mark == mark)));
        working.end().await;
        h.run_jobs().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_runs_where_nothing_serves() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        let owner = scene.stage.tenant.owner.clone();
        let task = scene.create("*/5 * * * *").await;
        h.ok::<Stop>(&owner, ApplicationRef { id: scene.stage.application.id }).await;
        h.run_jobs().await;
        let refused = h.refused::<Run>(&owner, ScheduledTaskRef { id: task.id }).await;
        assert!(refused.detail.contains("is stopped"), "{}", refused.detail);
        h.advance(5 * MINUTE);
        scene.due().await;
        let runs = scene.runs(task.id).await;
        assert_eq!(statuses(&runs), [TaskRunStatus::Skipped]);
        assert!(runs[0].reason.as_ref().unwrap().contains("is stopped"));
        assert!(
            h.refused::<Restart>(&owner, ApplicationRef { id: scene.stage.application.id })
                .await
                .detail
                .contains("stopped")
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_changed_paused_searched_and_deleted_with_its_history() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        let owner = scene.stage.tenant.owner.clone();
        let task = scene.create_with("*/5 * * * *", |input| input.keep_runs = Some(2)).await;
        for _ in 0..4 {
            h.advance(5 * MINUTE);
            scene.due().await;
            h.run_jobs().await;
        }
        assert_eq!(scene.runs(task.id).await.len(), 2);
        let taken = h.refused::<Create>(&owner, scene.input("0 * * * *")).await;
        assert_eq!(taken.field("name"), Some("Another task of this application has this name."));
        let update = |json: serde_json::Value| serde_json::from_value::<UpdateScheduledTask>(json).unwrap();
        let paused = h.ok::<Update>(&owner, update(serde_json::json!({ "id": task.id, "enabled": false }))).await;
        assert!(paused.next_runs.is_empty() && !paused.enabled);
        h.advance(60 * MINUTE);
        scene.due().await;
        assert_eq!(scene.runs(task.id).await.len(), 2);
        let line = serde_json::json!({ "id": task.id, "command_line": "/bin/sh -c 'echo \"a b\"'", "enabled": true });
        let changed = h.ok::<Update>(&owner, update(line)).await;
        assert_eq!(changed.command, ["/bin/sh", "-c", "echo \"a b\""]);
        let found = |search: &str| ListScheduledTasks {
            application_id: scene.stage.application.id,
            search: Some(search.into()),
            limit: None,
            cursor: None,
        };
        assert_eq!(h.ok::<List>(&owner, found("ECHO")).await.items.len(), 1);
        assert_eq!(h.ok::<List>(&owner, found("100%")).await.items.len(), 0);
        h.ok::<Delete>(&owner, ScheduledTaskRef { id: task.id }).await;
        assert_eq!(h.refused::<Get>(&owner, ScheduledTaskRef { id: task.id }).await.code, Code::NotFound);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tasks_run_is_ended() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        scene.engine(|engine| engine.command_ends = None);
        let task = scene.create("0 0 1 1 *").await;
        let working = scene.runner();
        scene.running(task.id).await;
        h.ok::<Delete>(&scene.stage.tenant.owner, ScheduledTaskRef { id: task.id }).await;
        scene.stage.idle().await;
        working.end().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_at_its_field_and_who_may_not_is_refused() {
    on_each_database(async |h: Harness| {
        let scene = Scene::new(&h).await;
        let owner = scene.stage.tenant.owner.clone();
        let mut input = scene.input("61 * * * *");
        (input.name, input.time_zone, input.command) = (String::new(), Some("Mars/Base".into()), Vec::new());
        (input.timeout_seconds, input.retries, input.keep_runs) = (Some(0), Some(9), Some(0));
        let refused = h.refused::<Create>(&owner, input).await;
        for field in ["name", "cron", "time_zone", "command", "timeout_seconds", "retries", "keep_runs"] {
            assert!(refused.field(field).is_some(), "{field}: {refused:?}");
        }
        let mut open = scene.input("0 * * * *");
        (open.command, open.command_line) = (Vec::new(), Some("echo 'open".into()));
        assert!(h.refused::<Create>(&owner, open).await.field("command_line").is_some());
        let viewer = h.member(&scene.stage.tenant, Role::Viewer).await;
        assert_eq!(h.refused::<Create>(&viewer, scene.input("0 * * * *")).await.code, Code::Forbidden);
        let other = h.organization("Other").await;
        let task = scene.create("0 * * * *").await;
        assert_eq!(h.refused::<Create>(&other.owner, scene.input("0 * * * *")).await.code, Code::NotFound);
        assert_eq!(h.refused::<Run>(&other.owner, ScheduledTaskRef { id: task.id }).await.code, Code::NotFound);
    })
    .await;
}
