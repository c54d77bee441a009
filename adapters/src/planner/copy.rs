//! The source as a planner may see it: no link that leads out, nothing deep, nothing large. Files are linked, not copied,
//! so it costs next to nothing.

use std::fs;
use std::io;
use std::path::Path;
use walkdir::WalkDir;

const DEEPEST: usize = 24;
const MOST_FILES: usize = 50_000;
/// What a planner reads are manifests; a larger file is there, but empty.
const LARGEST: u64 = 4 * 1024 * 1024;
/// These hold what others made, and are large.
const LEFT_OUT: [&str; 3] = [".git", "node_modules", ".nixpacks"];

pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    let wanted =
        |entry: &walkdir::DirEntry| entry.depth() == 0 || !LEFT_OUT.iter().any(|name| entry.file_name() == *name);
    let entries = WalkDir::new(from).follow_links(false).max_depth(DEEPEST).sort_by_file_name().into_iter();
    for entry in entries.filter_entry(wanted).take(MOST_FILES) {
        let entry = entry?;
        let Ok(name) = entry.path().strip_prefix(from) else { continue };
        let place = to.join(name);
        let kind = entry.file_type();
        if entry.depth() == 0 {
            continue;
        } else if kind.is_dir() {
            fs::create_dir(&place)?;
        } else if kind.is_file() && entry.metadata()?.len() <= LARGEST {
            fs::hard_link(entry.path(), &place)?;
        } else if kind.is_file() {
            fs::write(&place, "")?;
        }
        // Links, pipes and devices stay away: what they lead to is not the source's, or is there under its own name.
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_plain_small_files_go_along() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("source"), folder.path().join("plan"));
        fs::create_dir_all(from.join("app/node_modules")).unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        fs::write(from.join("app/package.json"), "{}").unwrap();
        fs::write(from.join("app/node_modules/x"), "x").unwrap();
        fs::File::create(from.join("huge")).unwrap().set_len(1 << 40).unwrap();
        symlink("../secret", from.join("link")).unwrap();
        symlink("/etc", from.join("etc")).unwrap();
        let mut deep = from.join("deep");
        for _ in 0..100 {
            deep.push("d");
        }
        fs::create_dir_all(&deep).unwrap();
        copy(&from, &to).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("app/package.json")).unwrap(), "{}");
        assert_eq!(fs::metadata(to.join("huge")).unwrap().len(), 0);
        for absent in ["link", "etc", "app/node_modules"] {
            assert!(fs::symlink_metadata(to.join(absent)).is_err(), "{absent}");
        }
    }
}
