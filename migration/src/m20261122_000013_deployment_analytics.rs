//! When a commit was made is kept beside it, and deployments are found by their time.

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
        let mut column = ColumnDef::new("committed_at").timestamp_with_time_zone().null().to_owned();
        manager.alter_table(Table::alter().table("deployments").add_column(&mut column).to_owned()).await?;
        let index = "CREATE INDEX deployments_created ON deployments (organization_id, created_at)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.get_connection().execute_unprepared("DROP INDEX deployments_created").await?;
        manager.alter_table(Table::alter().table("deployments").drop_column("committed_at").to_owned()).await
    }
}
