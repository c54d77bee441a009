//! Credentials of repositories and registries, host keys of repositories, webhooks and what they delivered, and why a
//! deployment was made.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// Whole or not at all, on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in tables() {
            manager.create_table(table).await?;
        }
        for column in [
            ColumnDef::new("trigger_kind").text().not_null().default("person").to_owned(),
            ColumnDef::new("trigger_words").text().null().to_owned(),
        ] {
            manager.alter_table(Table::alter().table("deployments").add_column(column).to_owned()).await?;
        }
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["trigger_kind", "trigger_words"] {
            manager.alter_table(Table::alter().table("deployments").drop_column(column).to_owned()).await?;
        }
        for table in [
            "github_app_requests",
            "deploy_rules",
            "webhook_deliveries",
            "webhooks",
            "registry_credentials",
            "git_host_keys",
            "git_credentials",
        ] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX git_credentials_name ON git_credentials (organization_id, name)",
    "CREATE UNIQUE INDEX registry_credentials_host ON registry_credentials (organization_id, host)",
    "CREATE UNIQUE INDEX webhooks_provider ON webhooks (application_id, provider) WHERE application_id IS NOT NULL",
    "CREATE UNIQUE INDEX webhooks_credential ON webhooks (credential_id) WHERE credential_id IS NOT NULL",
    "CREATE UNIQUE INDEX webhook_deliveries_once ON webhook_deliveries (webhook_id, application_id, delivery)",
    "CREATE INDEX webhook_deliveries_application ON webhook_deliveries (application_id, id)",
];

fn tables() -> Vec<TableCreateStatement> {
    vec![
        git_credentials(),
        git_host_keys(),
        registry_credentials(),
        webhooks(),
        webhook_deliveries(),
        deploy_rules(),
        github_app_requests(),
    ]
}

fn git_credentials() -> TableCreateStatement {
    Table::create()
        .table("git_credentials")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("username").text().null())
        .col(ColumnDef::new("private_key_id").uuid().null())
        // Of a GitHub App: where it is, and what it is called there.
        .col(ColumnDef::new("app").json_binary().null())
        .col(ColumnDef::new("sealed").binary().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("git_credentials", "private_key_id")
                .to("private_keys", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn git_host_keys() -> TableCreateStatement {
    Table::create()
        .table("git_host_keys")
        .col(ColumnDef::new("organization_id").uuid().not_null())
        // `host`, or `[host]:port`.
        .col(ColumnDef::new("host").text().not_null())
        // A key per line, without the host.
        .col(ColumnDef::new("keys").text().not_null())
        .col(ColumnDef::new("pinned_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("organization_id").col("host"))
        .to_owned()
}

fn registry_credentials() -> TableCreateStatement {
    Table::create()
        .table("registry_credentials")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("host").text().not_null())
        .col(ColumnDef::new("username").text().not_null())
        .col(ColumnDef::new("sealed").binary().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .to_owned()
}

/// Of one application, or of a GitHub App and all applications that are read with it.
fn webhooks() -> TableCreateStatement {
    Table::create()
        .table("webhooks")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().null())
        .col(ColumnDef::new("credential_id").uuid().null())
        .col(ColumnDef::new("provider").text().not_null())
        .col(ColumnDef::new("sealed").binary().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("webhooks", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("webhooks", "credential_id")
                .to("git_credentials", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

/// What one delivery meant for one application.
fn webhook_deliveries() -> TableCreateStatement {
    Table::create()
        .table("webhook_deliveries")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("webhook_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        // The provider's own name of it.
        .col(ColumnDef::new("delivery").text().not_null())
        .col(ColumnDef::new("event").text().not_null())
        .col(ColumnDef::new("summary").text().not_null())
        .col(ColumnDef::new("outcome").text().not_null())
        .col(ColumnDef::new("reason").text().null())
        .col(ColumnDef::new("deployment_id").uuid().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("webhook_deliveries", "webhook_id")
                .to("webhooks", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("webhook_deliveries", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

/// What of what is pushed is deployed by itself. An application without a row has the usual rules.
fn deploy_rules() -> TableCreateStatement {
    Table::create()
        .table("deploy_rules")
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("automatic").boolean().not_null())
        .col(ColumnDef::new("branches").text().null())
        .col(ColumnDef::new("tags").text().null())
        .col(ColumnDef::new("watch_paths").json_binary().not_null())
        .primary_key(Index::create().col("application_id"))
        .foreign_key(
            ForeignKey::create()
                .from("deploy_rules", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

/// Somebody has gone to GitHub to make an app there, and is expected back.
fn github_app_requests() -> TableCreateStatement {
    Table::create()
        .table("github_app_requests")
        .col(ColumnDef::new("state_hash").binary().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("session_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        // Whose address the app was told.
        .col(ColumnDef::new("webhook_id").uuid().not_null())
        .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("state_hash"))
        .to_owned()
}
