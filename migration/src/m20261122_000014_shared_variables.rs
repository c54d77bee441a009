//! Variables that applications share, how a variable's value is read, and what was brought over from elsewhere.

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
        let db = manager.get_connection();
        // What was stored before there were references is given on as it is.
        for column in [
            ColumnDef::new("literal").boolean().not_null().default(true).to_owned(),
            ColumnDef::new("multiline").boolean().not_null().default(false).to_owned(),
            ColumnDef::new("preview").boolean().not_null().default(false).to_owned(),
            ColumnDef::new("refers_to").json_binary().not_null().default("[]").to_owned(),
        ] {
            manager.alter_table(Table::alter().table("environment_variables").add_column(column).to_owned()).await?;
        }
        manager.create_table(shared_variables()).await?;
        manager.create_table(import_mappings()).await?;
        for statement in [
            "DROP INDEX environment_variables_key",
            "CREATE UNIQUE INDEX environment_variables_key ON environment_variables (application_id, preview, key)",
            "CREATE UNIQUE INDEX shared_variables_key ON shared_variables (owner_id, key)",
            "CREATE UNIQUE INDEX import_mappings_source ON import_mappings (organization_id, origin, kind, external_id)",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let db = manager.get_connection();
        manager.drop_table(Table::drop().table("import_mappings").to_owned()).await?;
        manager.drop_table(Table::drop().table("shared_variables").to_owned()).await?;
        db.execute_unprepared("DELETE FROM environment_variables WHERE preview").await?;
        db.execute_unprepared("DROP INDEX environment_variables_key").await?;
        for column in ["refers_to", "preview", "multiline", "literal"] {
            let table = Table::alter().table("environment_variables").drop_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        db.execute_unprepared(
            "CREATE UNIQUE INDEX environment_variables_key ON environment_variables (application_id, key)",
        )
        .await?;
        Ok(())
    }
}

fn shared_variables() -> TableCreateStatement {
    Table::create()
        .table("shared_variables")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("owner_id").uuid().not_null())
        .col(ColumnDef::new("project_id").uuid().null())
        .col(ColumnDef::new("environment_id").uuid().null())
        .col(ColumnDef::new("key").text().not_null())
        .col(ColumnDef::new("sealed").binary().not_null())
        .col(ColumnDef::new("last_four").text().null())
        .col(ColumnDef::new("secret").boolean().not_null())
        .col(ColumnDef::new("multiline").boolean().not_null())
        .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("shared_variables", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create()
                .from("shared_variables", "project_id")
                .to("projects", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create()
                .from("shared_variables", "environment_id")
                .to("environments", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

/// Which of our objects was made from which of another platform's, so that bringing them over again makes nothing twice.
fn import_mappings() -> TableCreateStatement {
    Table::create()
        .table("import_mappings")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("origin").text().not_null())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("external_id").text().not_null())
        .col(ColumnDef::new("object_id").uuid().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .to_owned()
}
