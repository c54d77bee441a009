//! The data folder: the embedded database, the key file, the lock that keeps a second process out.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// How names of folders end that wait for their removal.
const LEFT: &str = ".left";

pub struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    /// Makes the folder, for its owner only, unless it is there.
    pub fn open(path: &Path) -> Result<Self, String> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| {
            format!(
                "the data folder {} cannot be made: {error}. Set CANOPY_DATA to a folder that you may write.",
                path.display()
            )
        })?;
        let path = path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { path })
    }

    pub fn database(&self) -> PathBuf {
        self.path.join("canopy.sqlite")
    }

    pub fn demo(&self) -> PathBuf {
        self.path.join("demo")
    }

    pub fn key_file(&self) -> PathBuf {
        self.path.join("key")
    }

    /// The instance's key, if there is one. Whoever has it and the database has the secrets.
    pub fn key(&self) -> Result<Option<[u8; 32]>, String> {
        let file = self.key_file();
        match std::fs::read(&file) {
            Ok(bytes) => match bytes.try_into() {
                Ok(key) => Ok(Some(key)),
                Err(bytes) => Err(format!(
                    "the key file {} has {} bytes instead of 32: put a copy of the right one there.",
                    file.display(),
                    Vec::len(&bytes)
                )),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("the key file {}: {error}", file.display())),
        }
    }

    /// Makes the key, readable by its owner only, unless another process is faster. It is there whole or not at all.
    pub fn make_key(&self) -> Result<[u8; 32], String> {
        let failed = |error: std::io::Error| format!("the key file {}: {error}", self.key_file().display());
        let draft = self.path.join(format!("key.{:016x}", rand::random::<u64>()));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(failed)?;
        let written = file.write_all(&rand::random::<[u8; 32]>()).and_then(|()| file.sync_all());
        let linked = written.and_then(|()| std::fs::hard_link(&draft, self.key_file()));
        let _ = std::fs::remove_file(&draft);
        match linked {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => self.key()?.ok_or_else(|| failed(std::io::ErrorKind::NotFound.into())),
        }
    }

    /// The work folder of an instance, made when absent. `empty`: what a process left there that died goes, but nobody
    /// waits for that: a git that survived it may still be writing.
    pub fn work(&self, instance: &str, empty: bool) -> Result<PathBuf, String> {
        let all = self.path.join("work");
        let folder = all.join(instance);
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        if empty && folder.exists() {
            let aside = all.join(format!("{instance}.{:08x}{LEFT}", rand::random::<u32>()));
            std::fs::rename(&folder, aside).map_err(failed)?;
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed)?;
        if empty {
            std::thread::spawn(move || remove_left(&all));
        }
        Ok(folder)
    }

    /// Held while the embedded database gets its schema: two processes that start at once do so one after the other.
    pub fn lock_schema(&self) -> Result<File, String> {
        let lock = self.open_lock("schema-lock")?;
        lock.lock().map_err(|error| format!("{}: {error}", self.path.join("schema-lock").display()))?;
        Ok(lock)
    }

    /// Held by the one process that works on the embedded database; the system drops it with the process.
    pub fn lock(&self) -> Result<File, String> {
        let lock = self.open_lock("lock")?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(_) => Err(format!(
                "another process works with {}. Stop it, or set CANOPY_DATA to another folder, or CANOPY_DATABASE_URL to a PostgreSQL that both share.",
                self.path.display()
            )),
        }
    }

    fn open_lock(&self, name: &str) -> Result<File, String> {
        let file = self.path.join(name);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        options.open(&file).map_err(|error| format!("{}: {error}", file.display()))
    }
}

fn remove_left(work: &Path) {
    for entry in std::fs::read_dir(work).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().ends_with(LEFT)
            && let Err(error) = std::fs::remove_dir_all(entry.path())
        {
            tracing::info!(folder = %entry.path().display(), %error, "an old work folder is removed at the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_broken_one_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        assert_eq!(data.key().unwrap(), None);
        let made: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| data.make_key().unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(made.iter().all(|key| Some(*key) == data.key().unwrap()), "whoever was first decides for all");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays");
        std::fs::write(data.key_file(), [7; 31]).unwrap();
        assert!(data.key().unwrap_err().contains("31 bytes"));
    }

    #[test]
    fn a_work_folder_is_emptied_while_somebody_writes_there() {
        let folder = tempfile::tempdir().unwrap();
        let data = DataFolder::open(folder.path()).unwrap();
        let work = data.work("0a1b2c3d", true).unwrap();
        std::fs::create_dir(work.join("checkout")).unwrap();
        assert_eq!(data.work("0a1b2c3d", false).unwrap(), work);
        assert!(work.join("checkout").exists(), "another process works there");
        let stop = std::sync::atomic::AtomicBool::new(false);
        let inside = File::open(&work).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for number in 0.. {
                    if stop.load(std::sync::atomic::Ordering::Relaxed) {
                        break;
                    }
                    let path = format!("/proc/self/fd/{}/checkout/{number}", std::os::fd::AsRawFd::as_raw_fd(&inside));
                    let _ = std::fs::write(path, "");
                }
            });
            let emptied = data.work("0a1b2c3d", true);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            assert_eq!(std::fs::read_dir(emptied.unwrap()).unwrap().count(), 0);
        });
    }
}
