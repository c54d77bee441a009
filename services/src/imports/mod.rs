//! Bringing an installation over from another platform: what its objects become here, told before anything is made, and
//! which of ours came from which of theirs.

pub mod coolify;
mod mappings;
mod plan;

pub use mappings::{mapped, remember};
pub use plan::{
    Application, Environment, Key, Level, Plan, Project, Reach, Row, Server, SharedVariable, Variable, Verdict,
    printable,
};
