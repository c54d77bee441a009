//! How often a command succeeded: what a region reads again for. A refusal changes nothing, so what the reader typed
//! into the form stays as it is.

use crate::operation::Call;
use leptos::prelude::*;

pub fn successes<O>(action: ServerAction<O>) -> Memo<usize>
where
    O: Call + Clone + Send + Sync + 'static,
    O::Output: Send + Sync + 'static,
{
    let value = action.value();
    Memo::new(move |before: Option<&usize>| {
        let succeeded = value.with(|value| matches!(value, Some(Ok(_))));
        before.copied().unwrap_or_default() + usize::from(succeeded)
    })
}
