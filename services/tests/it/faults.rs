//! Faults of the outside world: each call to a double passes here first, and the test says which one fails or never
//! answers. Whoever watches sees the world before every call.

use services::deployments::repository::RepositoryError;
use services::servers::engine::EngineError;
use std::sync::{Mutex, MutexGuard};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The call fails.
    Fail,
    /// The call has its effect never, and never answers; cancellable ones end when cancelled.
    Hang,
}

#[derive(Default)]
pub struct Faults {
    state: Mutex<State>,
    struck: Notify,
}

type Watch = Box<dyn Fn(&str) + Send>;

#[derive(Default)]
struct State {
    armed: Option<(u32, Fault)>,
    calls: Vec<&'static str>,
    struck: Option<&'static str>,
    watch: Option<Watch>,
}

impl Faults {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The fault strikes once, at the call with this number, counted from 0 on.
    pub fn arm(&self, at: u32, fault: Fault) {
        let mut state = self.state();
        state.armed = Some((at, fault));
        state.struck = None;
        state.calls.clear();
    }

    pub fn disarm(&self) {
        self.state().armed = None;
    }

    /// Is called before every call, with its name.
    pub fn watch(&self, watch: impl Fn(&str) + Send + 'static) {
        self.state().watch = Some(Box::new(watch));
    }

    pub fn unwatch(&self) {
        self.state().watch = None;
    }

    /// The call that the fault struck.
    pub fn struck(&self) -> Option<&'static str> {
        self.state().struck
    }

    /// The calls since it was armed.
    pub fn calls(&self) -> Vec<&'static str> {
        self.state().calls.clone()
    }

    pub async fn has_struck(&self) {
        loop {
            let struck = self.struck.notified();
            tokio::pin!(struck);
            struck.as_mut().enable();
            if self.struck().is_some() {
                return;
            }
            struck.await;
        }
    }

    fn due(&self, call: &'static str) -> Option<Fault> {
        let watch = self.state().watch.take();
        if let Some(watch) = watch {
            watch(call);
            self.state().watch = Some(watch);
        }
        let mut state = self.state();
        state.calls.push(call);
        let (left, fault) = state.armed?;
        if left > 0 {
            state.armed = Some((left - 1, fault));
            return None;
        }
        state.armed = None;
        state.struck = Some(call);
        self.struck.notify_waiters();
        Some(fault)
    }

    pub async fn pass(&self, call: &'static str) -> Result<(), EngineError> {
        self.pass_or(call, &CancellationToken::new()).await
    }

    /// A call that listens to a wish to cancel.
    pub async fn pass_or(&self, call: &'static str, cancel: &CancellationToken) -> Result<(), EngineError> {
        match self.due(call) {
            None => Ok(()),
            Some(Fault::Fail) => Err(EngineError::Failed(format!("{call} was made to fail"))),
            Some(Fault::Hang) => {
                cancel.cancelled().await;
                Err(EngineError::Cancelled)
            }
        }
    }

    pub async fn pass_repository(&self, call: &'static str, cancel: &CancellationToken) -> Result<(), RepositoryError> {
        self.pass_or(call, cancel).await.map_err(|error| match error {
            EngineError::Cancelled => RepositoryError::Cancelled,
            error => RepositoryError::Failed(error.to_string()),
        })
    }
}
