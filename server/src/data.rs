//! The data folder: the embedded database, the key file, the lock that keeps a second process out.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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

    pub fn work(&self) -> PathBuf {
        self.path.join("work")
    }

    pub fn demo(&self) -> PathBuf {
        self.path.join("demo")
    }

    /// The instance's key, made at first start and readable by its owner only. Whoever has it and the database has the secrets.
    pub fn key(&self) -> Result<[u8; 32], String> {
        let file = self.path.join("key");
        let failed = |error: std::io::Error| format!("the key file {}: {error}", file.display());
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file) {
            Ok(mut made) => {
                let key: [u8; 32] = rand::random();
                made.write_all(&key).and_then(|()| made.sync_all()).map_err(failed)?;
                Ok(key)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let mut key = [0; 32];
                File::open(&file).and_then(|mut open| open.read_exact(&mut key)).map_err(failed)?;
                Ok(key)
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Held by the one process that works on the embedded database; the system drops it with the process.
    pub fn lock(&self) -> Result<File, String> {
        let file = self.path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&file)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(_) => Err(format!(
                "another process works with {}. Stop it, or set CANOPY_DATA to another folder, or CANOPY_DATABASE_URL to a PostgreSQL that both share.",
                self.path.display()
            )),
        }
    }
}
