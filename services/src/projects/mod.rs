//! Projects: what belongs together, in environments of its own.

mod change;
pub mod environments;
mod read;
mod rows;

pub(crate) use change::refuse_while_used;
pub use change::{create, delete, update};
pub use read::{get, list};
