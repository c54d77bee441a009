//! Which images a registry must be asked for each time; who wrote a deployed commit; what was said of a preview at its
//! pull request.

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
        let guarded = Table::create()
            .table("guarded_repositories")
            .col(ColumnDef::new("name").text().not_null())
            .primary_key(Index::create().col("name"))
            .to_owned();
        manager.create_table(guarded).await?;
        for (table, column) in COLUMNS {
            let mut column = ColumnDef::new(*column).text().null().to_owned();
            manager.alter_table(Table::alter().table(*table).add_column(&mut column).to_owned()).await?;
        }
        // A rollback was a person's until now, and a preview's a webhook's.
        let told_apart = [
            "UPDATE deployments SET trigger_kind = 'rollback' WHERE rollback_of IS NOT NULL",
            "UPDATE deployments SET trigger_kind = 'preview' WHERE application_id IN \
             (SELECT runs_as FROM previews WHERE runs_as IS NOT NULL)",
        ];
        for statement in told_apart {
            manager.get_connection().execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let together = "UPDATE deployments SET trigger_kind = CASE trigger_kind WHEN 'preview' THEN 'webhook' \
                        ELSE 'person' END WHERE trigger_kind NOT IN ('person', 'webhook')";
        manager.get_connection().execute_unprepared(together).await?;
        for (table, column) in COLUMNS {
            manager.alter_table(Table::alter().table(*table).drop_column(*column).to_owned()).await?;
        }
        manager.drop_table(Table::drop().table("guarded_repositories").to_owned()).await
    }
}

/// The comment's id is the host's own; what it says is kept to see whether it still holds.
const COLUMNS: &[(&str, &str)] =
    &[("deployments", "commit_author"), ("previews", "comment_id"), ("previews", "comment_text")];
