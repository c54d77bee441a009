//! Deployments at a time: what each server allows, and the slot that a job has of it. The disk of each server, and from
//! how much of it in use on that is an alarm.

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
fn columns() -> [(&'static str, ColumnDef); 9] {
    [
        ("servers", ColumnDef::new("concurrent_deployments").integer().not_null().default(4).to_owned()),
        ("jobs", ColumnDef::new("server_id").uuid().null().to_owned()),
        ("jobs", ColumnDef::new("server_slot").integer().null().to_owned()),
        ("servers", ColumnDef::new("disk_watermark").integer().not_null().default(85).to_owned()),
        ("servers", ColumnDef::new("disk_used").big_integer().null().to_owned()),
        ("servers", ColumnDef::new("disk_free").big_integer().null().to_owned()),
        ("servers", ColumnDef::new("disk_seen_at").timestamp_with_time_zone().null().to_owned()),
        ("servers", ColumnDef::new("disk_low_since").timestamp_with_time_zone().null().to_owned()),
        ("server_cleanups", ColumnDef::new("build_cache").boolean().not_null().default(false).to_owned()),
    ]
}
