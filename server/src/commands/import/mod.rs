//! `canopy import`: brings an installation over from another platform. What becomes of it is told first; then it is made
//! through the same operations as everybody's, as an owner of the organization, and twice makes nothing twice.

mod calls;
mod make;
mod report;

use super::admin::explain;
use adapters::coolify::Coolify;
use clap::{Args, Subcommand};
use services::Platform;
use services::accounts::actor;
use services::imports::coolify::{Export, map};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Subcommand)]
pub enum ImportCommand {
    /// From a Coolify of version 4: servers, projects, applications, variables and domains.
    Coolify(CoolifyArguments),
}

#[derive(Args)]
pub struct CoolifyArguments {
    /// The address of its screens.
    #[arg(long, required_unless_present = "from", conflicts_with = "from")]
    url: Option<String>,
    /// An API token of it that may read, and read sensitive values (`read:sensitive`). Others on this machine may see it
    /// here: prefer --token-stdin.
    #[arg(long, requires = "url", conflicts_with = "token_stdin")]
    token: Option<String>,
    /// Reads the token from standard input.
    #[arg(long, requires = "url")]
    token_stdin: bool,
    /// A file that was saved before, instead of the address.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Saves what was read, secrets too, and makes nothing.
    #[arg(long, value_name = "FILE", requires = "url")]
    save: Option<PathBuf>,
    /// The id or name of the organization to bring it into; the top one otherwise.
    #[arg(long, value_name = "ID or NAME")]
    organization: Option<String>,
    /// The account to act as; the organization's first owner otherwise.
    #[arg(long = "as", value_name = "EMAIL")]
    email: Option<String>,
    /// The address of the machine that Coolify runs on, if that is not this machine.
    #[arg(long, value_name = "HOST")]
    localhost: Option<String>,
    /// Only tells what would become of what.
    #[arg(long)]
    dry_run: bool,
    /// Tells it as JSON.
    #[arg(long)]
    json: bool,
}

impl ImportCommand {
    pub async fn run(self, platform: &Arc<Platform>) -> Result<(), String> {
        let Self::Coolify(arguments) = self;
        let export = read(&arguments).await?;
        if let Some(file) = &arguments.save {
            save(&export, file)?;
            println!("Saved in {}. It holds secrets: delete it when everything is brought over.", file.display());
            return Ok(());
        }
        let plan = map(&export, arguments.localhost.as_deref());
        let person = actor(platform, arguments.organization.as_deref(), arguments.email.as_deref()).await;
        let person = person.map_err(explain)?.ok_or(
            "There is no such organization or account, or the organization has no owner. `canopy admin create` makes both.",
        )?;
        if arguments.dry_run {
            let rows = make::expected(&plan);
            report::print(&rows, arguments.json)?;
            if !arguments.json {
                println!("\nNothing was made. Leave out --dry-run to carry this out.");
            }
            return Ok(());
        }
        let rows = make::carry_out(platform, person, &plan).await?;
        report::print(&rows, arguments.json)?;
        match rows.iter().filter(|row| row.outcome == report::Outcome::Failed).count() {
            0 => Ok(()),
            failed => Err(format!(
                "{failed} could not be made; the report says why. Run the same again when that is mended: what is there stays."
            )),
        }
    }
}

async fn read(arguments: &CoolifyArguments) -> Result<Export, String> {
    if let Some(file) = &arguments.from {
        let unreadable = |error: std::io::Error| format!("{} cannot be read: {error}", file.display());
        let file = std::fs::File::open(file).map_err(unreadable)?;
        let mut bytes = Vec::new();
        // One byte more than what is taken, so that a larger one is noticed.
        file.take(64 * 1024 * 1024 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        return Export::parse(&bytes);
    }
    let token = match (&arguments.token, arguments.token_stdin) {
        (Some(token), _) => token.clone(),
        (None, true) => {
            let mut token = String::new();
            std::io::stdin()
                .take(4096)
                .read_to_string(&mut token)
                .map_err(|_| "The token cannot be read.".to_owned())?;
            token
        }
        (None, false) => return Err("Give the token with --token-stdin or --token.".into()),
    };
    let url = arguments.url.as_deref().unwrap_or_default();
    Coolify::new(url, &token)?.read().await
}

/// For its owner's eyes only, and not over a file that is there.
fn save(export: &Export, path: &Path) -> Result<(), String> {
    let failed = |error: &dyn std::fmt::Display| format!("{} cannot be written: {error}", path.display());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| failed(&error))?;
    let text = serde_json::to_vec_pretty(export).map_err(|error| failed(&error))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(|error| failed(&error))
}
