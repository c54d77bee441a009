//! The context of a static site's image: the site's files, the program that serves them, nothing else. A link that
//! leads out of the checkout is refused, so no file of the platform's machine can end up in an image.

use super::super::diagnosis::Finding;
use super::work::Halt;
use crate::error::Error;
use crate::values::RelativePath;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const PROGRAM: &str = "canopy-static-server";
/// What the program is told about the site.
const OPTIONS: &str = "canopy-site";

/// Where a context's own Dockerfile is.
pub fn dockerfile_name() -> Result<RelativePath, Error> {
    RelativePath::parse("Dockerfile").map_err(Error::internal)
}

/// The files are read by a user without rights, as whom the program runs.
fn dockerfile(port: u16) -> String {
    format!(
        "FROM scratch\nCOPY {PROGRAM} {OPTIONS} /\nCOPY site /site\nUSER 65534:65534\nEXPOSE {port}\n\
         ENTRYPOINT [\"/{PROGRAM}\", \"/site\", \"/{OPTIONS}\"]\n"
    )
}

/// What a site's image is made of.
pub struct Site<'a> {
    pub publish: &'a RelativePath,
    /// For the program, in its own words.
    pub options: String,
    pub port: u16,
}

pub async fn prepare(checkout: &Path, site: Site<'_>, context: &Path, program: &Path) -> Result<(), Halt> {
    let (checkout, context, program) = (checkout.to_owned(), context.to_owned(), program.to_owned());
    let (name, options, port) = (site.publish.to_string(), site.options, site.port);
    let prepared = tokio::task::spawn_blocking(move || {
        write(&checkout, &name, &context, &program, port)?;
        let file = context.join(OPTIONS);
        std::fs::write(&file, options)?;
        Ok(set_mode(&file, 0o644)?)
    })
    .await
    .map_err(Error::internal)?;
    prepared.map_err(|refusal| match refusal {
        Refusal::Site(finding) => Halt::Failed(finding),
        Refusal::Disk(error) => Error::internal(format!("the context of a static site: {error}")).into(),
    })
}

enum Refusal {
    Site(Finding),
    Disk(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

fn write(checkout: &Path, name: &str, context: &Path, program: &Path, port: u16) -> Result<(), Refusal> {
    let root = checkout.canonicalize()?;
    let missing = || {
        Refusal::Site(Finding::new(
            format!("There is no folder {name} in the repository."),
            "Correct the publish directory in the settings; `.` is the repository itself.",
        ))
    };
    let from = root.join(name).canonicalize().map_err(|_| missing())?;
    if !from.starts_with(&root) {
        return Err(leads_out(name));
    }
    if !from.is_dir() {
        return Err(missing());
    }
    if context.exists() {
        std::fs::remove_dir_all(context)?;
    }
    std::fs::create_dir_all(context)?;
    if !program.is_file() {
        return Err(Refusal::Site(Finding::new(
            "The platform's static file server is not installed.",
            "Ask the operator to start the platform with ./run, which builds it.",
        )));
    }
    std::fs::copy(program, context.join(PROGRAM))?;
    set_mode(&context.join(PROGRAM), 0o755)?;
    std::fs::write(context.join("Dockerfile"), dockerfile(port))?;
    let mut copy = Copy { root: &root, open: vec![from.clone()], files: 0, bytes: 0 };
    copy.folder(&from, &context.join("site"))
}

/// Links can make a small repository look endless.
const MOST_FILES: u64 = 200_000;
const MOST_BYTES: u64 = 1_000_000_000;

struct Copy<'a> {
    root: &'a Path,
    /// The folders on the way here, so that a circle of links ends.
    open: Vec<PathBuf>,
    files: u64,
    bytes: u64,
}

impl Copy<'_> {
    /// Links are followed inside the checkout.
    fn folder(&mut self, from: &Path, to: &Path) -> Result<(), Refusal> {
        std::fs::create_dir_all(to)?;
        set_mode(to, 0o755)?;
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let target = match entry.path().canonicalize() {
                Ok(target) => target,
                // A link to nowhere is no file of the site.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            let Ok(inside) = target.strip_prefix(self.root) else {
                let shown = entry.path();
                return Err(leads_out(&shown.strip_prefix(self.root).unwrap_or(&shown).display().to_string()));
            };
            if inside.components().any(|part| part.as_os_str() == ".git") {
                continue;
            }
            self.entry(&target, &to.join(entry.file_name()))?;
        }
        Ok(())
    }

    fn entry(&mut self, target: &Path, place: &Path) -> Result<(), Refusal> {
        let kind = std::fs::metadata(target)?;
        self.files += 1;
        self.bytes += kind.len();
        if self.files > MOST_FILES || self.bytes > MOST_BYTES {
            return Err(Refusal::Site(Finding::new(
                "The site has more than 200,000 files or 1 GB.",
                "Publish a smaller folder, and check it for links that repeat large parts of it.",
            )));
        }
        if kind.is_file() {
            std::fs::copy(target, place)?;
            set_mode(place, 0o644)?;
        } else if kind.is_dir() && !self.open.iter().any(|open| open == target) {
            self.open.push(target.to_owned());
            self.folder(target, place)?;
            self.open.pop();
        }
        Ok(())
    }
}

fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

fn leads_out(name: &str) -> Refusal {
    Refusal::Site(Finding::new(
        format!("{name} is a link that leads out of the repository."),
        "Replace the link by the files themselves.",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn prepared(publish: &str, arrange: impl FnOnce(&Path)) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let checkout = folder.path().join("source");
        std::fs::create_dir_all(checkout.join("public/.git")).unwrap();
        std::fs::write(checkout.join("public/index.html"), "hello").unwrap();
        std::fs::write(checkout.join("public/.git/config"), "secret").unwrap();
        std::fs::write(checkout.join("README"), "readme").unwrap();
        std::fs::write(folder.path().join("outside"), "secret").unwrap();
        let program = folder.path().join("program");
        std::fs::write(&program, "program").unwrap();
        arrange(&checkout);
        let context = folder.path().join("context");
        match write(&checkout, publish, &context, &program, 8080) {
            Ok(()) => {}
            Err(Refusal::Site(finding)) => return Err(finding.reason),
            Err(Refusal::Disk(error)) => panic!("{error}"),
        }
        let mut files = Vec::new();
        let mut open = vec![context.join("site")];
        while let Some(next) = open.pop() {
            for entry in std::fs::read_dir(next).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    files.push(path.strip_prefix(context.join("site")).unwrap().display().to_string());
                }
            }
        }
        files.sort();
        Ok(files)
    }

    #[test]
    fn the_site_is_its_folder_and_nothing_else() {
        assert_eq!(prepared("public", |_| ()).unwrap(), ["index.html"]);
        assert_eq!(prepared(".", |_| ()).unwrap(), ["README", "public/index.html"]);
    }

    #[test]
    fn links_are_followed_only_inside() {
        let inside = prepared("public", |root| {
            symlink("../README", root.join("public/readme")).unwrap();
            symlink("..", root.join("public/circle")).unwrap();
            symlink("nowhere", root.join("public/broken")).unwrap();
        });
        assert!(inside.unwrap().contains(&"readme".to_owned()));
        let file = prepared("public", |root| symlink("../../outside", root.join("public/x")).unwrap());
        assert!(file.unwrap_err().contains("leads out"));
        let folder = prepared("public", |root| symlink("/etc", root.join("public/etc")).unwrap());
        assert!(folder.unwrap_err().contains("leads out"));
        let publish = prepared("www", |root| symlink("/etc", root.join("www")).unwrap());
        assert!(publish.unwrap_err().contains("leads out"));
    }

    #[test]
    fn a_missing_folder_is_named() {
        assert!(prepared("dist", |_| ()).unwrap_err().contains("no folder dist"));
    }
}
