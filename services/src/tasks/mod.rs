//! Scheduled tasks: commands that run in the container that serves, by the clock. `schedule` says when, without a
//! clock of its own; `due` makes a run of each time that has come, once; `run` carries it out.

mod change;
mod command;
mod due;
mod output;
mod read;
mod run;
mod runs;
mod schedule;
mod words;

pub use change::{create, delete, update};
pub use due::TasksDue;
pub use read::{get, get_run, list, list_runs};
pub use run::RunTask;
pub use runs::{cancel, run};
