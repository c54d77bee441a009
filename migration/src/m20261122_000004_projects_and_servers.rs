//! Projects, environments, servers and keys.

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
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["private_keys", "servers", "environments", "projects"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX projects_name ON projects (organization_id, name)",
    "CREATE UNIQUE INDEX environments_name ON environments (project_id, name)",
    "CREATE INDEX environments_organization ON environments (organization_id)",
    "CREATE UNIQUE INDEX servers_name ON servers (organization_id, name)",
    "CREATE UNIQUE INDEX private_keys_name ON private_keys (organization_id, name)",
];

fn tables() -> Vec<TableCreateStatement> {
    vec![projects(), environments(), servers(), private_key_table()]
}

fn projects() -> TableCreateStatement {
    Table::create()
        .table("projects")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("description").text().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("projects", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn environments() -> TableCreateStatement {
    Table::create()
        .table("environments")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("project_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("environments", "project_id")
                .to("projects", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn servers() -> TableCreateStatement {
    Table::create()
        .table("servers")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("connection").json_binary().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("checks").json_binary().not_null())
        .col(ColumnDef::new("engine_version").text().null())
        .col(ColumnDef::new("operating_system").text().null())
        .col(ColumnDef::new("architecture").text().null())
        .col(ColumnDef::new("cpu_cores").integer().null())
        .col(ColumnDef::new("memory_mb").big_integer().null())
        .col(ColumnDef::new("http_port").integer().null())
        .col(ColumnDef::new("https_port").integer().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("validated_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("last_seen_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("servers", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn private_key_table() -> TableCreateStatement {
    Table::create()
        .table("private_keys")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("public_key").text().not_null())
        .col(ColumnDef::new("fingerprint").text().not_null())
        .col(ColumnDef::new("sealed").binary().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("private_keys", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}
