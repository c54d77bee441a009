//! `canopy audit`: checks the hash chains.

use super::admin::explain;
use clap::Subcommand;
use contract::ids::OrganizationId;
use services::Platform;
use services::audit::{Verdict, chained_organizations, verify};
use std::sync::Arc;

#[derive(Subcommand)]
pub enum AuditCommand {
    /// Walks every organization's chain and names the first row that does not hold.
    Verify {
        #[arg(long, value_name = "ID")]
        organization: Option<OrganizationId>,
    },
}

impl AuditCommand {
    pub async fn run(self, platform: &Arc<Platform>) -> Result<(), String> {
        let Self::Verify { organization } = self;
        let db = platform.database.read();
        let organizations = match organization {
            Some(one) => vec![one],
            None => chained_organizations(db).await.map_err(explain)?,
        };
        let mut broken = 0;
        for organization in organizations {
            match verify(db, organization).await.map_err(explain)? {
                Verdict::Intact { events } => println!("{organization}: intact, {events} events"),
                Verdict::Broken { seq, id, reason } => {
                    broken += 1;
                    let id = id.map(|id| format!(" ({id})")).unwrap_or_default();
                    println!("{organization}: BROKEN at event {seq}{id}: {reason}");
                }
            }
        }
        if broken == 0 { Ok(()) } else { Err(format!("{broken} audit chains do not hold")) }
    }
}
