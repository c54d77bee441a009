//! Clean-ups of servers.

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
        let table = Table::create()
            .table("server_cleanups")
            .col(ColumnDef::new("id").uuid().not_null())
            .col(ColumnDef::new("organization_id").uuid().not_null())
            .col(ColumnDef::new("server_id").uuid().not_null())
            .col(ColumnDef::new("status").text().not_null())
            .col(ColumnDef::new("remove").boolean().not_null())
            .col(ColumnDef::new("volumes").boolean().not_null())
            .col(ColumnDef::new("items").json_binary().not_null())
            .col(ColumnDef::new("error").text().null())
            .col(ColumnDef::new("created_by").text().null())
            .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
            .col(ColumnDef::new("finished_at").timestamp_with_time_zone().null())
            .primary_key(Index::create().col("id"))
            .foreign_key(
                ForeignKey::create()
                    .from("server_cleanups", "server_id")
                    .to("servers", "id")
                    .on_delete(ForeignKeyAction::Cascade),
            )
            .to_owned();
        manager.create_table(table).await?;
        let index = "CREATE INDEX server_cleanups_server ON server_cleanups (server_id, id)";
        manager.get_connection().execute_unprepared(index).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("server_cleanups").to_owned()).await
    }
}
