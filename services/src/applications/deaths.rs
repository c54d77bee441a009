//! How containers ended, as their engines told it while this process listened: a container that runs again no longer
//! knows.

use crate::servers::engine::{ContainerEvent, ContainerEventKind};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Beyond this all are forgotten, which costs a sentence.
const MOST: usize = 10_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Death {
    pub exit_code: i64,
    pub out_of_memory: bool,
}

#[derive(Default)]
pub struct Deaths(Mutex<HashMap<String, (Option<Death>, bool)>>);

impl Deaths {
    pub fn note(&self, event: &ContainerEvent) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST {
            all.clear();
        }
        match event.kind {
            ContainerEventKind::OutOfMemory => all.entry(event.container.clone()).or_default().1 = true,
            ContainerEventKind::Ended { code } => {
                let (last, starved) = all.entry(event.container.clone()).or_default();
                *last = Some(Death { exit_code: code, out_of_memory: std::mem::take(starved) });
            }
            ContainerEventKind::Started | ContainerEventKind::Other => {}
        }
    }

    pub fn last_of(&self, container: &str) -> Option<Death> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(container)?.0
    }
}
