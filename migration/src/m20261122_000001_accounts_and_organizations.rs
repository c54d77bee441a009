//! Accounts, the organization tree and what guards them.

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
        for table in [
            "instance_settings",
            "api_keys",
            "sign_in_throttles",
            "sessions",
            "invitations",
            "memberships",
            "organization_closure",
            "organizations",
            "users",
        ] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX users_email ON users (email)",
    "CREATE UNIQUE INDEX organizations_slug ON organizations (slug)",
    "CREATE INDEX organizations_parent ON organizations (parent_id)",
    "CREATE INDEX organization_closure_descendant ON organization_closure (descendant_id, depth)",
    "CREATE UNIQUE INDEX memberships_person ON memberships (organization_id, user_id)",
    "CREATE INDEX memberships_user ON memberships (user_id)",
    "CREATE UNIQUE INDEX invitations_token ON invitations (token_hash)",
    "CREATE INDEX invitations_organization ON invitations (organization_id)",
    "CREATE UNIQUE INDEX sessions_token ON sessions (token_hash)",
    "CREATE INDEX sessions_previous_token ON sessions (previous_token_hash)",
    "CREATE INDEX sessions_user ON sessions (user_id)",
    "CREATE UNIQUE INDEX api_keys_secret ON api_keys (secret_hash)",
    "CREATE INDEX api_keys_organization ON api_keys (organization_id, id)",
];

fn tables() -> Vec<TableCreateStatement> {
    vec![
        users(),
        organizations(),
        organization_closure_table(),
        memberships(),
        invitations(),
        sessions(),
        sign_in_throttles(),
        api_key_table(),
        instance_settings(),
    ]
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("email").text().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("password_hash").text().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("password_changed_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("disabled_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .to_owned()
}

fn organizations() -> TableCreateStatement {
    Table::create()
        .table("organizations")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("slug").text().not_null())
        .col(ColumnDef::new("kind").text().not_null())
        .col(ColumnDef::new("level").small_integer().not_null())
        .col(ColumnDef::new("parent_id").uuid().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("deleted_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(ForeignKey::create().from("organizations", "parent_id").to("organizations", "id").on_delete(ForeignKeyAction::Restrict))
        // A type and its level say the same thing, and only the top branch has no parent.
        .check(Expr::cust(
            "(kind = 'top_branch' AND level = 0 AND parent_id IS NULL) OR (kind = 'master_branch' AND level = 1 AND parent_id IS NOT NULL) \
             OR (kind = 'sub_user' AND level = 2 AND parent_id IS NOT NULL) OR (kind = 'end_user' AND level = 3 AND parent_id IS NOT NULL)",
        ))
        .to_owned()
}

fn organization_closure_table() -> TableCreateStatement {
    Table::create()
        .table("organization_closure")
        .col(ColumnDef::new("ancestor_id").uuid().not_null())
        .col(ColumnDef::new("descendant_id").uuid().not_null())
        .col(ColumnDef::new("depth").integer().not_null())
        .primary_key(Index::create().col("ancestor_id").col("descendant_id"))
        .foreign_key(
            ForeignKey::create()
                .from("organization_closure", "ancestor_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create()
                .from("organization_closure", "descendant_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn memberships() -> TableCreateStatement {
    Table::create()
        .table("memberships")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("user_id").uuid().not_null())
        .col(ColumnDef::new("role").text().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("memberships", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create().from("memberships", "user_id").to("users", "id").on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn invitations() -> TableCreateStatement {
    Table::create()
        .table("invitations")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("email").text().not_null())
        .col(ColumnDef::new("role").text().not_null())
        .col(ColumnDef::new("token_hash").binary().not_null())
        .col(ColumnDef::new("invited_by").uuid().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("accepted_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("invitations", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn sessions() -> TableCreateStatement {
    Table::create()
        .table("sessions")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("user_id").uuid().not_null())
        .col(ColumnDef::new("token_hash").binary().not_null())
        .col(ColumnDef::new("previous_token_hash").binary().null())
        .col(ColumnDef::new("organization_id").uuid().null())
        .col(ColumnDef::new("address").text().null())
        .col(ColumnDef::new("user_agent").text().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("rotated_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("last_seen_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("expires_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("revoked_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create().from("sessions", "user_id").to("users", "id").on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn sign_in_throttles() -> TableCreateStatement {
    Table::create()
        .table("sign_in_throttles")
        .col(ColumnDef::new("key").text().not_null())
        .col(ColumnDef::new("failures").integer().not_null())
        .col(ColumnDef::new("window_started_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("blocked_until").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("key"))
        .to_owned()
}

fn api_key_table() -> TableCreateStatement {
    Table::create()
        .table("api_keys")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("user_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("prefix").text().not_null())
        .col(ColumnDef::new("secret_hash").binary().not_null())
        .col(ColumnDef::new("scopes").json_binary().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("expires_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("last_used_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("revoked_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("api_keys", "organization_id")
                .to("organizations", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create().from("api_keys", "user_id").to("users", "id").on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn instance_settings() -> TableCreateStatement {
    Table::create()
        .table("instance_settings")
        .col(ColumnDef::new("key").text().not_null())
        .col(ColumnDef::new("value").text().not_null())
        .primary_key(Index::create().col("key"))
        .to_owned()
}
