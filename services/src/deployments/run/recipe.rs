//! What is built, from what, by which instructions: a folder and its Dockerfile, whoever wrote that.

use super::super::diagnosis::Finding;
use super::super::nixpacks::{self, Plan, PlanError};
use super::site;
use super::work::{Halt, Work};
use crate::applications::config::{Build, Commands};
use crate::error::Error;
use crate::values::{BuildTarget, RelativePath};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Clone)]
pub struct Recipe {
    pub context: PathBuf,
    pub dockerfile: RelativePath,
    pub target: Option<BuildTarget>,
    pub arguments: BTreeMap<String, String>,
    pub secrets: BTreeMap<String, String>,
}

pub async fn recipe(work: &Work<'_>, checkout: PathBuf) -> Result<Recipe, Halt> {
    let config = &work.config;
    let own = |context, dockerfile, target| Recipe {
        context,
        dockerfile,
        target,
        arguments: config.build_arguments(),
        secrets: config.build_secrets(),
    };
    match &config.build {
        Build::Static { publish_directory, single_page, headers } => {
            let context = work.folder().join("context");
            let program = work.platform.settings.static_server.clone();
            let site =
                site::Site { publish: publish_directory, options: headers.options(*single_page), port: config.port };
            site::prepare(&checkout, site, &context, &program).await?;
            work.log.say(format!("Static site from {publish_directory}, served by the platform's file server"));
            let (arguments, secrets) = Default::default();
            Ok(Recipe { context, dockerfile: site::dockerfile_name()?, target: None, arguments, secrets })
        }
        Build::Dockerfile { path, target, .. } => {
            check_dockerfile(&checkout, path).await?;
            let stage = target.as_ref().map(|target| format!(", target {target}")).unwrap_or_default();
            work.log.say(format!("{path}{stage}"));
            Ok(own(checkout, path.clone(), target.clone()))
        }
        Build::Nixpacks { commands, .. } => {
            let plan = planned(work, &checkout, commands).await?;
            let dockerfile = write_plan(work, &checkout, &plan).await?;
            let mut recipe = own(checkout, dockerfile, None);
            // What the settings say counts more than what was detected.
            let detected = plan.variables.into_iter().filter(|(name, _)| !recipe.secrets.contains_key(name));
            recipe.arguments = detected.chain(recipe.arguments).collect();
            Ok(recipe)
        }
        Build::None => {
            let dockerfile = site::dockerfile_name()?;
            check_dockerfile(&checkout, &dockerfile).await?;
            Ok(own(checkout, dockerfile, None))
        }
    }
}

/// The commands of the settings are told as Nixpacks takes them.
async fn planned(work: &Work<'_>, checkout: &Path, commands: &Commands) -> Result<Plan, Halt> {
    let mut variables = work.config.build_arguments();
    let given = [
        ("NIXPACKS_INSTALL_CMD", &commands.install),
        ("NIXPACKS_BUILD_CMD", &commands.build),
        ("NIXPACKS_START_CMD", &commands.start),
    ];
    for (name, command) in given {
        if let Some(command) = command {
            variables.insert(name.to_owned(), command.clone());
        }
    }
    let plan = work.platform.planner.plan(checkout, &variables, &work.stop).await;
    let mut plan = plan.map_err(|error| refusal(work, error))?;
    plan.variables.retain(|name, _| !given.iter().any(|(own, _)| own == name));
    if plan.phases.is_empty() {
        return Err(Finding::new(
            "Nixpacks does not recognise the source.",
            "Add what its language expects (package.json, requirements.txt, go.mod ...), or choose the Dockerfile build.",
        )
        .into());
    }
    if plan.start.command.is_none() {
        return Err(Finding::new(
            "Nixpacks found no command that starts the application.",
            "Give a start command in the settings.",
        )
        .into());
    }
    say(work, &plan);
    Ok(plan)
}

fn say(work: &Work<'_>, plan: &Plan) {
    let found = if plan.providers.is_empty() { "the settings".to_owned() } else { plan.providers.join(", ") };
    work.log.say(format!("Nixpacks: {found}"));
    for phase in plan.phases.iter().filter(|phase| !phase.commands.is_empty()) {
        work.log.say(format!("  {}: {}", phase.name, phase.commands.join(" && ")));
    }
    if let Some(command) = &plan.start.command {
        work.log.say(format!("  start: {command}"));
    }
}

fn refusal(work: &Work<'_>, error: PlanError) -> Halt {
    match error {
        PlanError::Cancelled => Halt::Stopped,
        PlanError::Missing => Finding::new(
            "The program that looks how a source is built is not installed.",
            "Ask the operator to start the platform with ./run, which builds it; or choose the Dockerfile build.",
        )
        .into(),
        error => {
            let reason = work.log.secrets().mask(&format!("Nixpacks cannot plan the build: {error}"));
            Finding::new(reason, "Correct what it names, or choose the Dockerfile build.").into()
        }
    }
}

/// The files that a plan brings, and its Dockerfile, in a folder of the source that no link leads out of.
async fn write_plan(work: &Work<'_>, checkout: &Path, plan: &Plan) -> Result<RelativePath, Halt> {
    let image = plan.image.as_deref().filter(|image| !is_usual(image));
    let image = image.unwrap_or(&work.platform.settings.nixpacks_image);
    let secrets = work.config.build_secrets();
    let secrets: Vec<&str> = secrets.keys().map(String::as_str).collect();
    let cache = work.config.id.0.simple().to_string();
    let mut files = nixpacks::files(plan);
    let name = format!("{}/Dockerfile", nixpacks::FOLDER);
    files.insert(name.clone(), nixpacks::dockerfile(plan, image, &secrets, &cache));
    let root = checkout.to_owned();
    let written = tokio::task::spawn_blocking(move || write(&root, &files)).await.map_err(Error::internal)?;
    written.map_err(|error| Error::internal(format!("the files of a plan: {error}")))?;
    Ok(RelativePath::parse(&name).map_err(Error::internal)?)
}

/// One of those that Nixpacks takes when nobody says anything: the platform's setting stands for them.
fn is_usual(image: &str) -> bool {
    image.starts_with("ghcr.io/railwayapp/nixpacks:")
}

fn write(root: &Path, files: &BTreeMap<String, String>) -> std::io::Result<()> {
    let folder = root.join(nixpacks::FOLDER);
    // What the source has there, a link perhaps, makes room.
    match std::fs::symlink_metadata(&folder) {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(&folder)?,
        Ok(_) => std::fs::remove_file(&folder)?,
        Err(_) => {}
    }
    for (name, text) in files {
        let file = root.join(name);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(file, text)?;
    }
    Ok(())
}

/// The file is there, and inside the checkout wherever links lead.
async fn check_dockerfile(checkout: &Path, path: &RelativePath) -> Result<(), Halt> {
    let missing = || {
        Finding::new(
            format!("There is no {path} in the repository."),
            "Add it, correct its path in the settings (upper and lower case count), or choose another build.",
        )
    };
    let root = tokio::fs::canonicalize(checkout).await.map_err(|_| missing())?;
    let file = tokio::fs::canonicalize(checkout.join(path.as_str())).await.map_err(|_| missing())?;
    if !file.starts_with(&root) {
        return Err(Finding::new(
            format!("{path} leads out of the repository."),
            "Replace the link by the file itself.",
        )
        .into());
    }
    if !file.is_file() {
        return Err(missing().into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_link_in_the_place_of_the_plan_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("source"), folder.path().join("outside"));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        symlink(&outside, root.join(nixpacks::FOLDER)).unwrap();
        let name = format!("{}/assets/x", nixpacks::FOLDER);
        write(&root, &BTreeMap::from([(name.clone(), "text".to_owned())])).unwrap();
        assert_eq!(std::fs::read_to_string(root.join(name)).unwrap(), "text");
        assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
    }
}
