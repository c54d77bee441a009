//! Work that outlives a request.

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
        for table in ["jobs"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE INDEX jobs_due ON jobs (status, run_at)",
    "CREATE UNIQUE INDEX jobs_serial ON jobs (serial_key) WHERE status = 'running'",
    "CREATE INDEX jobs_lease ON jobs (lease_expires_at) WHERE status = 'running'",
];

fn tables() -> Vec<TableCreateStatement> {
    vec![jobs()]
}

fn jobs() -> TableCreateStatement {
    Table::create()
        .table("jobs")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().null())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("payload").json_binary().not_null())
        .col(ColumnDef::new("serial_key").text().null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("run_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("attempt").integer().not_null())
        .col(ColumnDef::new("max_attempts").integer().not_null())
        .col(ColumnDef::new("fence").big_integer().not_null())
        .col(ColumnDef::new("lease_owner").text().null())
        .col(ColumnDef::new("lease_expires_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("cancel_requested_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("last_error").text().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("finished_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .to_owned()
}
