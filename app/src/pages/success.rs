//! How often a command succeeded: what a region reads again for. A refusal changes nothing, so what the reader typed
//! into the form stays as it is.

use crate::operation_form::Command;
use leptos::prelude::*;

pub fn successes<O>(action: Command<O>) -> Memo<usize> {
    let (version, succeeded) = (action.version(), action.succeeded());
    Memo::new(move |before: Option<&usize>| {
        version.track();
        before.copied().unwrap_or_default() + usize::from(succeeded.get_untracked())
    })
}
