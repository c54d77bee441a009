//! The kinds of work that a runner knows, with their types put aside.

use super::{Abandoned, Job, JobError, JobRun, Lane, Reconciler, Status};
use crate::platform::Platform;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

/// Every job and every reconciler, each under its name.
#[derive(Default)]
pub struct Registry {
    pub(super) jobs: BTreeMap<&'static str, Arc<dyn AnyJob>>,
    pub(super) reconcilers: Vec<Arc<dyn AnyReconciler>>,
}

impl Registry {
    #[must_use]
    pub fn job<J: Job>(mut self) -> Self {
        self.jobs.insert(J::KIND, Arc::new(Kind::<J>(PhantomData)));
        self
    }

    #[must_use]
    pub fn reconciler<R: Reconciler>(mut self, reconciler: R) -> Self {
        self.reconcilers.push(Arc::new(reconciler));
        self
    }
}

type Ended = BoxFuture<'static, Result<(), JobError>>;

pub(super) trait AnyJob: Send + Sync {
    fn time_limit(&self) -> Duration;
    fn lane(&self) -> Lane;
    fn run(&self, payload: serde_json::Value, run: Arc<JobRun>) -> Ended;
    fn abandon(&self, payload: serde_json::Value, run: Arc<JobRun>, why: Abandoned) -> Ended;
}

struct Kind<J>(PhantomData<fn() -> J>);

impl<J: Job> AnyJob for Kind<J> {
    fn time_limit(&self) -> Duration {
        J::TIME_LIMIT
    }

    fn lane(&self) -> Lane {
        J::LANE
    }

    fn run(&self, payload: serde_json::Value, run: Arc<JobRun>) -> Ended {
        async move { read::<J>(payload)?.run(&run).await }.boxed()
    }

    fn abandon(&self, payload: serde_json::Value, run: Arc<JobRun>, why: Abandoned) -> Ended {
        async move { read::<J>(payload)?.abandon(&run, why).await }.boxed()
    }
}

/// A payload that an older release wrote in another form can't be run by trying again.
fn read<J: Job>(payload: serde_json::Value) -> Result<J, JobError> {
    serde_json::from_value(payload).map_err(|error| JobError::Failed(format!("the payload is unreadable: {error}")))
}

pub(super) trait AnyReconciler: Send + Sync {
    fn name(&self) -> &'static str;
    fn every(&self) -> Duration;
    fn reconcile<'a>(&'a self, platform: &'a Arc<Platform>) -> BoxFuture<'a, crate::Result<Status>>;
}

impl<R: Reconciler> AnyReconciler for R {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn every(&self) -> Duration {
        R::EVERY
    }

    fn reconcile<'a>(&'a self, platform: &'a Arc<Platform>) -> BoxFuture<'a, crate::Result<Status>> {
        Reconciler::reconcile(self, platform).boxed()
    }
}
