//! Ends what was started in a container by `exec`, which a container engine itself has no request for. It runs in a
//! short-lived container that shares the other one's processes, and is linked statically, so that it needs nothing of
//! any image.
//!
//! `canopy-reaper MARK AGE GRACE`: every process that carries `CANOPY_EXEC=MARK` in its environment, what belongs to
//! its session, and all that descend from these are asked to end, and killed after GRACE milliseconds. AGE is how many
//! seconds ago the command was started. Ends with success once none of them is left.

mod choice;
mod processes;

use choice::{Chosen, Target};
use rustix::process::{Pid, Signal, kill_process};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const LOOKS_EVERY: Duration = Duration::from_millis(20);
/// A killed process is gone as soon as the kernel gets to it.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let mark = arguments.next().filter(|mark| !mark.is_empty());
    let age = arguments.next().and_then(|text| text.parse().ok());
    let grace = arguments.next().and_then(|text| text.parse().ok());
    let (Some(mark), Some(age), Some(grace)) = (mark, age, grace) else {
        eprintln!("usage: canopy-reaper MARK AGE_SECONDS GRACE_MILLISECONDS");
        return ExitCode::from(2);
    };
    let mut chosen = Chosen::new(Target { mark, age, own: std::process::id() });
    if reap(&mut chosen, Duration::from_millis(grace)) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn reap(chosen: &mut Chosen, grace: Duration) -> bool {
    let began = Instant::now();
    let mut asked = Vec::new();
    loop {
        let left = chosen.among(&processes::all());
        if left.is_empty() {
            return true;
        }
        let waited = began.elapsed();
        if waited >= grace + KILLED_WITHIN {
            return false;
        }
        for pid in left {
            if waited >= grace {
                send(pid, &[Signal::KILL]);
            } else if !asked.contains(&pid) {
                // A shell takes the hang-up, others the request; a stopped one hears neither before it goes on.
                send(pid, &[Signal::TERM, Signal::HUP, Signal::CONT]);
                asked.push(pid);
            }
        }
        std::thread::park_timeout(LOOKS_EVERY);
    }
}

/// One that has gone meanwhile needs no signal.
fn send(pid: u32, signals: &[Signal]) {
    let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return };
    for signal in signals {
        let _gone = kill_process(pid, *signal);
    }
}
