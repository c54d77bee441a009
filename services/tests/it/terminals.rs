//! Terminals: who may open how many, that each is recorded from its beginning to its end, and what ends them.

use crate::deployments::stage::Stage;
use crate::harness::{Harness, on_each_database, operations};
use contract::Code;
use contract::ids::ApplicationId;
use contract::permissions::{Permission, Role};
use contract::terminals::{OpenTerminal, TerminalSession};
use entity::{Tenant as _, audit_event, terminal_session};
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use sea_orm::{ColumnTrait, QueryFilter};
use services::jobs::Reconciler;
use services::servers::exec::TerminalSize;
use services::terminals::{self, FromBrowser, TerminalsClosed, ToBrowser};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

operations! {
    Open = command "terminals.opened", Permission(Permission::ApplicationsTerminal),
        terminals::open[OpenTerminal] -> TerminalSession;
}

const SIZE: TerminalSize = TerminalSize { columns: 80, rows: 24 };

/// One that is open, as a browser has it.
struct Browser {
    typed: Option<mpsc::Sender<FromBrowser>>,
    shown: mpsc::Receiver<ToBrowser>,
    allowed: Arc<AtomicBool>,
    stopping: CancellationToken,
    serving: JoinHandle<()>,
}

impl Browser {
    fn open(stage: &Stage, session: TerminalSession) -> Self {
        let (typed, from_browser) = mpsc::channel(8);
        let (to_browser, shown) = mpsc::channel(8);
        let (allowed, stopping) = (Arc::new(AtomicBool::new(true)), CancellationToken::new());
        let (platform, scope, may, stop) =
            (stage.h.platform.clone(), stage.tenant.scope, allowed.clone(), stopping.clone());
        let serving = tokio::spawn(async move {
            let asked = || {
                let may = may.clone();
                async move { may.load(Ordering::SeqCst) }
            };
            terminals::serve(platform, scope, session, SIZE, (from_browser, to_browser), asked, stop).await;
        });
        Self { typed: Some(typed), shown, allowed, stopping, serving }
    }

    async fn type_in(&mut self, text: &'static str) {
        let typed = FromBrowser::Typed(bytes::Bytes::from_static(text.as_bytes()));
        self.typed.as_mut().unwrap().send(typed).await.unwrap();
    }

    async fn next(&mut self) -> ToBrowser {
        tokio::time::timeout(Duration::from_secs(20), self.shown.next()).await.unwrap().unwrap()
    }

    async fn last_word(mut self) -> String {
        loop {
            if let ToBrowser::Ended(words) = self.next().await {
                self.serving.await.unwrap();
                return words;
            }
        }
    }
}

async fn open(stage: &Stage) -> TerminalSession {
    stage.h.ok::<Open>(&stage.tenant.owner, OpenTerminal { application_id: stage.application.id, replica: None }).await
}

async fn events(stage: &Stage) -> Vec<(String, String)> {
    let rows = audit_event::Entity::find_in(stage.tenant.scope)
        .filter(audit_event::Column::Action.starts_with("terminals."))
        .all(stage.h.platform.database.write())
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.action, row.object_name.unwrap_or_default())).collect()
}

async fn still_open(stage: &Stage) -> usize {
    let rows = terminal_session::Entity::find_in(stage.tenant.scope)
        .filter(terminal_session::Column::ClosedAt.is_null())
        .all(stage.h.platform.database.write())
        .await
        .unwrap();
    rows.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_reaches_the_shell_and_its_end_is_recorded() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let session = open(&stage).await;
        assert_eq!(session.shell, "/bin/sh");
        let mut browser = Browser::open(&stage, session.clone());
        browser.type_in("ls\r").await;
        assert_eq!(browser.next().await, ToBrowser::Shown(bytes::Bytes::from_static(b"ls\r")));
        let command = h.engines.engine.state().commands[0].clone();
        assert_eq!((command.command, command.mark), (vec!["/bin/sh".to_owned()], session.id.0));
        assert_eq!(events(&stage).await.len(), 1);
        h.advance(Duration::from_secs(12));
        browser.typed = None;
        browser.serving.await.unwrap();
        let events = events(&stage).await;
        assert!(events[0].1.starts_with("web, container canopy-"), "{events:?}");
        assert_eq!(events[1], ("terminals.closed".to_owned(), "after 12 s: the browser left".to_owned()));
        assert_eq!(h.engines.engine.state().ended[0].mark, session.id.0);
        assert_eq!(still_open(&stage).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_no_longer_have_it_loses_it_and_so_does_everybody_at_a_restart() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let browser = Browser::open(&stage, open(&stage).await);
        browser.allowed.store(false, Ordering::SeqCst);
        assert!(browser.last_word().await.contains("may no longer"));
        let browser = Browser::open(&stage, open(&stage).await);
        browser.stopping.cancel();
        assert!(browser.last_word().await.contains("restarts"));
        assert_eq!((events(&stage).await.len(), still_open(&stage).await), (4, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_a_dead_process_left_is_closed_and_ended() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        stage.deploy_well().await;
        let session = open(&stage).await;
        TerminalsClosed.reconcile(&h.platform).await.unwrap();
        assert_eq!(still_open(&stage).await, 1);
        h.advance(Duration::from_secs(61));
        h.engines.engine.state().unreachable = true;
        TerminalsClosed.reconcile(&h.platform).await.unwrap();
        assert_eq!(still_open(&stage).await, 1);
        h.engines.engine.state().unreachable = false;
        TerminalsClosed.reconcile(&h.platform).await.unwrap();
        TerminalsClosed.reconcile(&h.platform).await.unwrap();
        assert_eq!(h.engines.engine.state().ended.iter().filter(|end| end.mark == session.id.0).count(), 1);
        assert_eq!(events(&stage).await.last().unwrap().1, "after 61 s: its process stopped");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_open_one_and_how_many() {
    on_each_database(async |h: Harness| {
        let stage = Stage::new(&h).await;
        let input = || OpenTerminal { application_id: stage.application.id, replica: None };
        let never = h.refused::<Open>(&stage.tenant.owner, input()).await;
        assert!(never.detail.contains("Deploy it first"), "{}", never.detail);
        stage.deploy_well().await;
        open(&stage).await;
        open(&stage).await;
        let most = h.refused::<Open>(&stage.tenant.owner, input()).await;
        assert!(most.detail.contains("2 is the most"), "{}", most.detail);
        let member = h.member(&stage.tenant, Role::Member).await;
        h.ok::<Open>(&member, input()).await;
        let viewer = h.member(&stage.tenant, Role::Viewer).await;
        assert_eq!(h.refused::<Open>(&viewer, input()).await.code, Code::Forbidden);
        let other = h.organization("Other").await;
        assert_eq!(h.refused::<Open>(&other.owner, input()).await.code, Code::NotFound);
        let absent = OpenTerminal { application_id: ApplicationId(uuid::Uuid::now_v7()), replica: None };
        assert_eq!(h.refused::<Open>(&stage.tenant.owner, absent).await.code, Code::NotFound);
        h.engines.engine.state().files.clear();
        let admin = h.member(&stage.tenant, Role::Admin).await;
        let bare = h.refused::<Open>(&admin, input()).await;
        assert!(bare.detail.contains("no shell"), "{}", bare.detail);
    })
    .await;
}
