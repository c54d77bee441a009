//! `canopy admin`: the first account and key without a browser, also while the server runs.

use clap::Subcommand;
use services::Platform;
use services::accounts::{NewAdmin, create_admin};
use std::io::Read;
use std::sync::Arc;

#[derive(Subcommand)]
pub enum AdminCommand {
    /// Creates an account that owns the top organization.
    Create {
        #[arg(long)]
        email: String,
        /// Reads the password from standard input.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// The name of the top organization; made when there is none.
        #[arg(long)]
        organization: String,
        /// Makes an API key with every scope; it is the last word printed.
        #[arg(long)]
        print_api_key: bool,
    },
    /// Prints a new link of the first-run set-up.
    SetupLink,
}

impl AdminCommand {
    pub async fn run(self, platform: &Arc<Platform>) -> Result<(), String> {
        match self {
            Self::Create { email, organization, print_api_key, .. } => {
                create(platform, email, organization, print_api_key).await
            }
            Self::SetupLink => {
                if services::accounts::is_set_up(platform).await.map_err(explain)? {
                    return Err(format!(
                        "it is set up already: sign in at {}/sign-in, or make an account with `canopy admin create`.",
                        platform.settings.public_url
                    ));
                }
                let token = services::accounts::create_setup_token(platform).await.map_err(explain)?;
                println!("{}/setup?token={token}", platform.settings.public_url);
                Ok(())
            }
        }
    }
}

async fn create(
    platform: &Arc<Platform>,
    email: String,
    organization: String,
    with_api_key: bool,
) -> Result<(), String> {
    let mut password = String::new();
    std::io::stdin().read_to_string(&mut password).map_err(|error| format!("the password cannot be read: {error}"))?;
    let password = password.trim_end_matches(['\n', '\r']).to_owned();
    let input = NewAdmin { email: email.clone(), password, organization: organization.clone(), with_api_key };
    let admin = create_admin(platform, input).await.map_err(explain)?;
    println!("{} {email}", if admin.made_account { "Created the account" } else { "Found the account" });
    let made = if admin.made_organization { "Created the organization" } else { "It owns the organization" };
    println!("{made} {organization} ({})", admin.organization);
    if let Some(key) = admin.api_key {
        println!("API key, shown once: {key}");
    }
    Ok(())
}

/// The same words that the API's callers get.
pub fn explain(error: services::Error) -> String {
    error.into_contract("command-line").detail
}
