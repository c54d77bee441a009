//! Previews of pull requests, and which applications have them.

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
        manager.create_table(settings()).await?;
        manager.create_table(previews()).await?;
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["previews", "preview_settings"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX previews_number ON previews (application_id, number)",
    "CREATE UNIQUE INDEX previews_runs ON previews (runs_as) WHERE runs_as IS NOT NULL",
];

fn settings() -> TableCreateStatement {
    Table::create()
        .table("preview_settings")
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("enabled").boolean().not_null())
        .col(ColumnDef::new("host_template").text().null())
        .col(ColumnDef::new("ttl_hours").integer().not_null())
        .primary_key(Index::create().col("application_id"))
        .foreign_key(
            ForeignKey::create()
                .from("preview_settings", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn previews() -> TableCreateStatement {
    Table::create()
        .table("previews")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        // What it is a preview of.
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("number").big_integer().not_null())
        .col(ColumnDef::new("title").text().not_null())
        .col(ColumnDef::new("branch").text().not_null())
        .col(ColumnDef::new("author").text().not_null())
        .col(ColumnDef::new("fork").boolean().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("commit").text().null())
        // The application that runs it.
        .col(ColumnDef::new("runs_as").uuid().null())
        .col(ColumnDef::new("pushed_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("previews", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .foreign_key(
            ForeignKey::create()
                .from("previews", "runs_as")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
