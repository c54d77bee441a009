//! How applications run: their settings, files and ports of servers, and what organizations may touch of a server.

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
        for (table, mut column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).to_owned()).await?;
        }
        for table in [application_files(), application_ports()] {
            manager.create_table(table).await?;
        }
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["application_ports", "application_files"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        for (table, column) in columns() {
            manager.alter_table(Table::alter().table(table).drop_column(column.get_column_name()).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX application_files_path ON application_files (application_id, path)",
    "CREATE UNIQUE INDEX application_ports_port ON application_ports (engine, protocol, host_port)",
    "CREATE INDEX application_ports_application ON application_ports (application_id)",
];

fn columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("applications", ColumnDef::new("run").json_binary().null().to_owned()),
        ("deployments", ColumnDef::new("warnings").json_binary().null().to_owned()),
        ("organizations", ColumnDef::new("host_access").json_binary().null().to_owned()),
    ]
}

fn of_application(table: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create()
        .from(table, "application_id")
        .to("applications", "id")
        .on_delete(ForeignKeyAction::Restrict)
        .to_owned()
}

fn application_files() -> TableCreateStatement {
    Table::create()
        .table("application_files")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("path").text().not_null())
        .col(ColumnDef::new("sealed").binary().not_null())
        .col(ColumnDef::new("bytes").integer().not_null())
        .col(ColumnDef::new("secret").boolean().not_null())
        .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(&mut of_application("application_files"))
        .to_owned()
}

/// Ports of servers that applications took: one application a port, whichever organization it is of.
fn application_ports() -> TableCreateStatement {
    Table::create()
        .table("application_ports")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("engine").text().not_null())
        .col(ColumnDef::new("protocol").text().not_null())
        .col(ColumnDef::new("host_port").integer().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(&mut of_application("application_ports"))
        .to_owned()
}
