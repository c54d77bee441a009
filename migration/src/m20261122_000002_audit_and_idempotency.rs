//! The audit chain and the stored answers of idempotency keys.

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
        for table in ["idempotency_keys", "audit_heads", "audit_events"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX audit_events_seq ON audit_events (organization_id, seq)",
    "CREATE INDEX audit_events_object ON audit_events (organization_id, object_id)",
    "CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at)",
];

fn tables() -> Vec<TableCreateStatement> {
    vec![audit_events(), audit_heads(), idempotency_key_table()]
}

fn audit_events() -> TableCreateStatement {
    Table::create()
        .table("audit_events")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("seq").big_integer().not_null())
        .col(ColumnDef::new("at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("action").text().not_null())
        .col(ColumnDef::new("actor").text().not_null())
        .col(ColumnDef::new("actor_kind").text().not_null())
        .col(ColumnDef::new("actor_id").text().null())
        .col(ColumnDef::new("address").text().null())
        .col(ColumnDef::new("object_kind").text().null())
        .col(ColumnDef::new("object_id").text().null())
        .col(ColumnDef::new("object_name").text().null())
        .col(ColumnDef::new("request_id").text().not_null())
        .col(ColumnDef::new("hash").binary().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("audit_events", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn audit_heads() -> TableCreateStatement {
    Table::create()
        .table("audit_heads")
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("seq").big_integer().not_null())
        .col(ColumnDef::new("hash").binary().not_null())
        .primary_key(Index::create().col("organization_id"))
        .foreign_key(
            ForeignKey::create()
                .from("audit_heads", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn idempotency_key_table() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(ColumnDef::new("actor").text().not_null())
        .col(ColumnDef::new("key").text().not_null())
        .col(ColumnDef::new("operation").text().not_null())
        .col(ColumnDef::new("body_hash").binary().not_null())
        .col(ColumnDef::new("response").json_binary().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("actor").col("key"))
        .to_owned()
}
