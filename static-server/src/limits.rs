//! The other use of this program: on a server, in a container that sees the machine's control groups, it sets what all
//! builds may use together. The Engine's BuildKit runs their steps in the group `docker/buildkit`.

use std::fs;
use std::io;
use std::path::Path;

const GROUPS: &str = "/sys/fs/cgroup";
/// In microseconds; quotas are given for it.
const PERIOD: u64 = 100_000;

/// `limit-builds <memory in bytes> <thousandths of a core> <processes>`.
pub fn set(arguments: &[String]) -> Result<(), String> {
    let numbers: Vec<u64> = arguments.iter().filter_map(|text| text.parse().ok()).collect();
    let [memory, cpu_millis, processes] = numbers[..] else {
        return Err("limit-builds takes three numbers: memory, thousandths of a core, processes".to_owned());
    };
    let groups = Path::new(GROUPS);
    let set = if groups.join("cgroup.controllers").exists() { unified } else { separate };
    set(groups, memory, cpu_millis, processes).map_err(|error| format!("the control groups cannot be set: {error}"))
}

fn quota(cpu_millis: u64) -> u64 {
    cpu_millis * PERIOD / 1000
}

fn write(folder: &Path, file: &str, value: impl ToString) -> io::Result<()> {
    let path = folder.join(file);
    // Not created: a file that is not there is a limit that the kernel does not know.
    let mut file = fs::OpenOptions::new().write(true).open(&path).map_err(|error| named(&path, &error))?;
    io::Write::write_all(&mut file, value.to_string().as_bytes()).map_err(|error| named(&path, &error))
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// One hierarchy per controller.
fn separate(groups: &Path, memory: u64, cpu_millis: u64, processes: u64) -> io::Result<()> {
    let group = |controller: &str| {
        let folder = groups.join(controller).join("docker/buildkit");
        fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
        Ok::<_, io::Error>(folder)
    };
    let pids = group("pids")?;
    write(&pids, "pids.max", processes)?;
    let cpu = group("cpu")?;
    write(&cpu, "cpu.cfs_period_us", PERIOD)?;
    write(&cpu, "cpu.cfs_quota_us", quota(cpu_millis))?;
    // Beside others a build is the one that waits.
    write(&cpu, "cpu.shares", 256)?;
    let folder = group("memory")?;
    // With swap never below without: which one goes first depends on what is there.
    let swap = |folder: &Path| write(folder, "memory.memsw.limit_in_bytes", memory);
    let has_swap = folder.join("memory.memsw.limit_in_bytes").exists();
    if write(&folder, "memory.limit_in_bytes", memory).is_err() && has_swap {
        swap(&folder)?;
        return write(&folder, "memory.limit_in_bytes", memory);
    }
    if has_swap { swap(&folder) } else { Ok(()) }
}

/// One hierarchy for all.
fn unified(groups: &Path, memory: u64, cpu_millis: u64, processes: u64) -> io::Result<()> {
    let parent = groups.join("docker");
    let folder = parent.join("buildkit");
    fs::create_dir_all(&parent).map_err(|error| named(&parent, &error))?;
    for above in [groups, &parent] {
        write(above, "cgroup.subtree_control", "+cpu +memory +pids")?;
    }
    fs::create_dir_all(&folder).map_err(|error| named(&folder, &error))?;
    write(&folder, "pids.max", processes)?;
    write(&folder, "memory.max", memory)?;
    write(&folder, "cpu.max", format!("{} {PERIOD}", quota(cpu_millis)))?;
    write(&folder, "cpu.weight", 25)?;
    // A machine without swap has no such file.
    if folder.join("memory.swap.max").exists() { write(&folder, "memory.swap.max", 0) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel makes the files with the folder; here they are made before.
    fn files(root: &Path, names: &[&str]) {
        for name in names {
            fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
            fs::write(root.join(name), "").unwrap();
        }
    }

    #[test]
    fn either_kind_of_groups_gets_its_limits() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        files(
            root,
            &[
                "pids/docker/buildkit/pids.max",
                "cpu/docker/buildkit/cpu.cfs_period_us",
                "cpu/docker/buildkit/cpu.cfs_quota_us",
                "cpu/docker/buildkit/cpu.shares",
                "memory/docker/buildkit/memory.limit_in_bytes",
                "memory/docker/buildkit/memory.memsw.limit_in_bytes",
            ],
        );
        separate(root, 1024, 1500, 64).unwrap();
        let read = |name: &str| fs::read_to_string(root.join(name)).unwrap();
        assert_eq!(read("pids/docker/buildkit/pids.max"), "64");
        assert_eq!(read("cpu/docker/buildkit/cpu.cfs_quota_us"), "150000");
        assert_eq!(read("memory/docker/buildkit/memory.memsw.limit_in_bytes"), "1024");

        files(
            root,
            &[
                "cgroup.subtree_control",
                "docker/cgroup.subtree_control",
                "docker/buildkit/pids.max",
                "docker/buildkit/memory.max",
                "docker/buildkit/cpu.max",
                "docker/buildkit/cpu.weight",
            ],
        );
        unified(root, 1024, 1500, 64).unwrap();
        assert_eq!(read("docker/buildkit/cpu.max"), "150000 100000");
        assert_eq!(read("docker/buildkit/memory.max"), "1024");
    }

    #[test]
    fn what_cannot_be_set_is_said() {
        let root = tempfile::tempdir().unwrap();
        assert!(separate(root.path(), 1, 1, 1).unwrap_err().to_string().contains("pids.max"));
        assert!(set(&["1".to_owned(), "x".to_owned()]).unwrap_err().contains("three numbers"));
    }
}
