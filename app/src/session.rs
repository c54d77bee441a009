//! Who is looking, for every part of a page: one look-up per page, passed down as context.

use contract::accounts::Me;
use contract::permissions::Permission;
use leptos::prelude::*;

/// The signed-in person. Only pages inside the console have one.
#[derive(Debug, Clone)]
pub struct Session(pub Me);

/// Whether the reader may do this: what they may not is not shown. The gate decides all the same.
pub fn may(permission: Permission) -> bool {
    use_context::<Session>().is_some_and(|session| session.0.may(permission))
}

/// The signed-in person, if the page has one.
pub fn me() -> Option<Me> {
    use_context::<Session>().map(|session| session.0)
}
