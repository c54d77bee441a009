//! Servers over SSH: the host keys that are known for them, which engine answered, and how it went lately.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("servers").add_column(column).to_owned()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["host_keys", "engine_id", "looks"] {
            manager.alter_table(Table::alter().table("servers").drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

/// SQLite adds one column at a time.
fn columns() -> [ColumnDef; 3] {
    [
        ColumnDef::new("host_keys").json_binary().null().to_owned(),
        ColumnDef::new("engine_id").text().null().to_owned(),
        ColumnDef::new("looks").integer().not_null().default(0).to_owned(),
    ]
}
