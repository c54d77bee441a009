//! What builds may use. Memory, processor and processes are limits for all builds of a server together; most of the
//! machine is theirs, and what the platform and the applications need to answer stays free.

use crate::servers::engine::{BuildLimits, EngineInfo};
use std::time::Duration;

pub const TIME: Duration = Duration::from_secs(30 * 60);
const MEMORY: u64 = 4 << 30;
const LEAST_MEMORY: u64 = 512 << 20;
const PROCESSES: u32 = 4096;
const CONTEXT: u64 = 2_000_000_000;
const IMAGE: u64 = 20_000_000_000;
const DISK_RESERVE: u64 = 2_000_000_000;

pub fn of_build(machine: &EngineInfo) -> BuildLimits {
    let cores = machine.cpu_cores.max(1) * 1000;
    BuildLimits {
        time: TIME,
        memory_bytes: MEMORY.min(machine.memory_bytes / 4 * 3).max(LEAST_MEMORY),
        // A quarter of the machine, at most one core, is for others.
        cpu_millis: cores - (cores / 4).min(1000),
        processes: PROCESSES,
        disk_reserve_bytes: DISK_RESERVE,
        context_bytes: CONTEXT,
        image_bytes: IMAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn something_is_left_for_others(cpu_cores in 0u32..512, memory in 0u64..(1 << 42)) {
            let machine = EngineInfo {
                id: String::new(),
                time: None,
                version: String::new(),
                operating_system: String::new(),
                architecture: String::new(),
                cpu_cores,
                memory_bytes: memory,
                free_bytes: None,
                used_bytes: None,
            };
            let limits = of_build(&machine);
            prop_assert!(limits.cpu_millis < cpu_cores.max(1) * 1000);
            prop_assert!(limits.cpu_millis >= 750);
            prop_assert!(limits.memory_bytes >= LEAST_MEMORY);
            prop_assert!(limits.memory_bytes == LEAST_MEMORY || limits.memory_bytes <= memory / 4 * 3);
        }
    }
}
