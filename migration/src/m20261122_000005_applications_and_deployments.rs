//! Applications, their variables and domains, deployments and their logs.

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
        for table in
            ["deployment_log_lines", "deployments", "environment_variables", "application_domains", "applications"]
        {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX applications_name ON applications (environment_id, name) WHERE deleted_at IS NULL",
    "CREATE INDEX applications_project ON applications (organization_id, project_id)",
    "CREATE INDEX applications_server ON applications (server_id)",
    "CREATE UNIQUE INDEX application_domains_host ON application_domains (host)",
    "CREATE INDEX application_domains_application ON application_domains (application_id)",
    "CREATE UNIQUE INDEX environment_variables_key ON environment_variables (application_id, key)",
    "CREATE UNIQUE INDEX deployments_number ON deployments (application_id, number)",
    "CREATE UNIQUE INDEX deployments_one_running ON deployments (application_id) WHERE status = 'running'",
    "CREATE INDEX deployments_organization ON deployments (organization_id, id)",
];

fn tables() -> Vec<TableCreateStatement> {
    vec![applications(), application_domains(), environment_variables(), deployments(), deployment_log_lines()]
}

fn applications() -> TableCreateStatement {
    Table::create()
        .table("applications")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("project_id").uuid().not_null())
        .col(ColumnDef::new("environment_id").uuid().not_null())
        .col(ColumnDef::new("server_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("source").json_binary().not_null())
        .col(ColumnDef::new("build").json_binary().not_null())
        .col(ColumnDef::new("port").integer().not_null())
        .col(ColumnDef::new("health_check").json_binary().null())
        .col(ColumnDef::new("memory_mb").integer().not_null())
        .col(ColumnDef::new("cpu_millis").integer().not_null())
        .col(ColumnDef::new("desired").text().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("status_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("current_deployment_id").uuid().null())
        .col(ColumnDef::new("last_number").big_integer().not_null())
        .col(ColumnDef::new("revision").big_integer().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("deleted_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("applications", "environment_id")
                .to("environments", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create()
                .from("applications", "server_id")
                .to("servers", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .foreign_key(
            ForeignKey::create()
                .from("applications", "project_id")
                .to("projects", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn application_domains() -> TableCreateStatement {
    Table::create()
        .table("application_domains")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("host").text().not_null())
        .col(ColumnDef::new("position").integer().not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("application_domains", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn environment_variables() -> TableCreateStatement {
    Table::create()
        .table("environment_variables")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("key").text().not_null())
        .col(ColumnDef::new("sealed").binary().not_null())
        .col(ColumnDef::new("last_four").text().null())
        .col(ColumnDef::new("build_time").boolean().not_null())
        .col(ColumnDef::new("run_time").boolean().not_null())
        .col(ColumnDef::new("secret").boolean().not_null())
        .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("environment_variables", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn deployments() -> TableCreateStatement {
    Table::create()
        .table("deployments")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("number").big_integer().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("step").text().null())
        .col(ColumnDef::new("steps").json_binary().not_null())
        .col(ColumnDef::new("commit").text().null())
        .col(ColumnDef::new("commit_message").text().null())
        .col(ColumnDef::new("branch").text().null())
        .col(ColumnDef::new("image_digest").text().null())
        .col(ColumnDef::new("image_tag").text().null())
        .col(ColumnDef::new("container").text().null())
        .col(ColumnDef::new("snapshot").binary().not_null())
        .col(ColumnDef::new("revision").big_integer().not_null())
        .col(ColumnDef::new("failure").json_binary().null())
        .col(ColumnDef::new("rollback_of").uuid().null())
        .col(ColumnDef::new("job_id").uuid().not_null())
        .col(ColumnDef::new("created_by").text().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("finished_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("cancel_requested_at").timestamp_with_time_zone().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("deployments", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}

fn deployment_log_lines() -> TableCreateStatement {
    Table::create()
        .table("deployment_log_lines")
        .col(ColumnDef::new("deployment_id").uuid().not_null())
        .col(ColumnDef::new("seq").big_integer().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("step").text().not_null())
        .col(ColumnDef::new("stream").text().not_null())
        .col(ColumnDef::new("text").text().not_null())
        .primary_key(Index::create().col("deployment_id").col("seq"))
        .foreign_key(
            ForeignKey::create()
                .from("deployment_log_lines", "deployment_id")
                .to("deployments", "id")
                .on_delete(ForeignKeyAction::Restrict),
        )
        .to_owned()
}
