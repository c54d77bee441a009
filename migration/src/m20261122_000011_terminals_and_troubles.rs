//! Terminals that people opened into containers, and what is wrong with applications that should run.

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
        manager.create_table(terminal_sessions()).await?;
        manager.create_table(application_troubles()).await?;
        let open = "CREATE INDEX terminal_sessions_open ON terminal_sessions (user_id) WHERE closed_at IS NULL";
        manager.get_connection().execute_unprepared(open).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("application_troubles").to_owned()).await?;
        manager.drop_table(Table::drop().table("terminal_sessions").to_owned()).await
    }
}

fn terminal_sessions() -> TableCreateStatement {
    Table::create()
        .table("terminal_sessions")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("user_id").uuid().not_null())
        .col(ColumnDef::new("actor").text().not_null())
        .col(ColumnDef::new("address").text().null())
        .col(ColumnDef::new("container").text().not_null())
        .col(ColumnDef::new("opened_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("seen_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("closed_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("terminal_sessions", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn application_troubles() -> TableCreateStatement {
    Table::create()
        .table("application_troubles")
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("deployment_id").uuid().not_null())
        .col(ColumnDef::new("restarts").big_integer().not_null())
        .col(ColumnDef::new("restart_times").json_binary().not_null())
        .col(ColumnDef::new("since").timestamp_with_time_zone().null())
        .col(ColumnDef::new("looping").boolean().not_null())
        .col(ColumnDef::new("exit_code").big_integer().null())
        .col(ColumnDef::new("out_of_memory").boolean().not_null())
        .col(ColumnDef::new("last_lines").json_binary().not_null())
        .primary_key(Index::create().col("application_id"))
        .foreign_key(
            ForeignKey::create()
                .from("application_troubles", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
