//! Deployments at a time: what each server allows, and the slot that a job has of it.

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
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(column).to_owned()).await?;
        }
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX jobs_server_slot").await?;
        for (table, column) in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).to_owned()).await?;
        }
        Ok(())
    }
}

/// Two that claim at the same moment never have the same slot.
const INDEXES: &[&str] =
    &["CREATE UNIQUE INDEX jobs_server_slot ON jobs (server_id, server_slot) WHERE status = 'running'"];

/// SQLite adds one column at a time.
fn columns() -> [(&'static str, ColumnDef); 3] {
    [
        ("servers", ColumnDef::new("concurrent_deployments").integer().not_null().default(4).to_owned()),
        ("jobs", ColumnDef::new("server_id").uuid().null().to_owned()),
        ("jobs", ColumnDef::new("server_slot").integer().null().to_owned()),
    ]
}
