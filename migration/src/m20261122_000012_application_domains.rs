//! Domains have settings of their own, several applications of an organization share a host, and each host knows the
//! state of its certificate.

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
        for mut column in columns() {
            // SQLite takes one change per statement.
            let change = Table::alter().table("application_domains").add_column(&mut column).to_owned();
            manager.alter_table(change).await?;
        }
        manager.create_table(hosts()).await?;
        let db = manager.get_connection();
        for statement in [
            "DROP INDEX application_domains_host",
            "CREATE UNIQUE INDEX application_domains_place ON application_domains (host, path)",
            "INSERT INTO application_hosts \
             (host, organization_id, certificate, attempts, created_at) \
             SELECT host, organization_id, 'none', 0, created_at FROM application_domains",
        ] {
            db.execute_unprepared(statement).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("application_hosts").to_owned()).await?;
        let db = manager.get_connection();
        db.execute_unprepared("DROP INDEX application_domains_place").await?;
        // Before this there was one row per host.
        db.execute_unprepared("DELETE FROM application_domains WHERE path <> '/'").await?;
        for column in columns() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table("application_domains").drop_column(name).to_owned()).await?;
        }
        db.execute_unprepared("CREATE UNIQUE INDEX application_domains_host ON application_domains (host)").await?;
        Ok(())
    }
}

fn columns() -> Vec<ColumnDef> {
    vec![
        ColumnDef::new("path").text().not_null().default("/").to_owned(),
        ColumnDef::new("strip_prefix").boolean().not_null().default(false).to_owned(),
        ColumnDef::new("port").integer().null().to_owned(),
        ColumnDef::new("redirect_to").text().null().to_owned(),
        ColumnDef::new("redirect_permanent").boolean().not_null().default(true).to_owned(),
        ColumnDef::new("force_https").boolean().not_null().default(true).to_owned(),
        ColumnDef::new("auth_user").text().null().to_owned(),
        ColumnDef::new("auth_sealed").binary().null().to_owned(),
        ColumnDef::new("headers").json_binary().null().to_owned(),
    ]
}

fn hosts() -> TableCreateStatement {
    let at = |name: &'static str| ColumnDef::new(name).timestamp_with_time_zone().null().to_owned();
    Table::create()
        .table("application_hosts")
        .col(ColumnDef::new("host").text().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("certificate").text().not_null())
        .col(ColumnDef::new("challenge").text().null())
        .col(ColumnDef::new("issuer").text().null())
        .col(at("not_after"))
        .col(ColumnDef::new("reason").text().null())
        .col(ColumnDef::new("hint").text().null())
        .col(ColumnDef::new("attempts").integer().not_null())
        .col(at("asked_at"))
        .col(at("next_try_at"))
        .col(at("failure_seen_at"))
        .col(at("checked_at"))
        .col(ColumnDef::new("addresses").json_binary().null())
        .col(ColumnDef::new("server_addresses").json_binary().null())
        .col(at("resolved_at"))
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("host"))
        .to_owned()
}
