//! What builds keep: how an image was asked for and what it was made of, the servers that build, and their slots.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        manager.create_table(slots()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("build_slots").to_owned()).await?;
        for (table, column) in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX build_slots_server ON build_slots (server_id, asked_at)",
    "CREATE INDEX deployments_fingerprint ON deployments (application_id, build_fingerprint)",
];

/// SQLite adds one column at a time.
fn columns() -> [(&'static str, ColumnDef); 6] {
    [
        ("deployments", ColumnDef::new("force_build").text().null().to_owned()),
        ("deployments", ColumnDef::new("build_fingerprint").text().null().to_owned()),
        ("deployments", ColumnDef::new("build_secrets_fingerprint").text().null().to_owned()),
        ("deployments", ColumnDef::new("build_server_id").uuid().null().to_owned()),
        ("servers", ColumnDef::new("builds").boolean().not_null().default(false).to_owned()),
        ("servers", ColumnDef::new("concurrent_builds").integer().not_null().default(2).to_owned()),
    ]
}

fn slots() -> TableCreateStatement {
    Table::create()
        .table("build_slots")
        .col(ColumnDef::new("deployment_id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("server_id").uuid().not_null())
        .col(ColumnDef::new("asked_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("taken_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("deployment_id"))
        .foreign_key(
            ForeignKey::create()
                .from("build_slots", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("build_slots", "deployment_id")
                .to("deployments", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
