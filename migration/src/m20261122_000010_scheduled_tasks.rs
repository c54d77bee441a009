//! Scheduled tasks of applications, their runs, and what these wrote.

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
        for table in [scheduled_tasks(), scheduled_task_runs(), scheduled_task_output()] {
            manager.create_table(table).await?;
        }
        for index in INDEXES {
            manager.get_connection().execute_unprepared(index).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in ["scheduled_task_output", "scheduled_task_runs", "scheduled_tasks"] {
            manager.drop_table(Table::drop().table(table).to_owned()).await?;
        }
        Ok(())
    }
}

const INDEXES: &[&str] = &[
    "CREATE UNIQUE INDEX scheduled_tasks_name ON scheduled_tasks (application_id, name)",
    "CREATE INDEX scheduled_tasks_due ON scheduled_tasks (next_run_at) WHERE next_run_at IS NOT NULL",
    // Made once, however many processes find it due.
    "CREATE UNIQUE INDEX scheduled_task_runs_due ON scheduled_task_runs (task_id, due_at)",
    // No two of a task at a time.
    "CREATE UNIQUE INDEX scheduled_task_runs_one ON scheduled_task_runs (task_id) WHERE status IN ('queued', 'running')",
    "CREATE INDEX scheduled_task_runs_application ON scheduled_task_runs (application_id)",
];

fn scheduled_tasks() -> TableCreateStatement {
    Table::create()
        .table("scheduled_tasks")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("name").text().not_null())
        .col(ColumnDef::new("cron").text().not_null())
        .col(ColumnDef::new("time_zone").text().not_null())
        .col(ColumnDef::new("command").json_binary().not_null())
        .col(ColumnDef::new("command_line").text().not_null())
        .col(ColumnDef::new("timeout_seconds").integer().not_null())
        .col(ColumnDef::new("retries").integer().not_null())
        .col(ColumnDef::new("catch_up").boolean().not_null())
        .col(ColumnDef::new("enabled").boolean().not_null())
        .col(ColumnDef::new("keep_runs").integer().not_null())
        .col(ColumnDef::new("next_run_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("scheduled_tasks", "application_id")
                .to("applications", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn scheduled_task_runs() -> TableCreateStatement {
    Table::create()
        .table("scheduled_task_runs")
        .col(ColumnDef::new("id").uuid().not_null())
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("application_id").uuid().not_null())
        .col(ColumnDef::new("task_id").uuid().not_null())
        .col(ColumnDef::new("due_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("trigger").text().not_null())
        .col(ColumnDef::new("status").text().not_null())
        .col(ColumnDef::new("attempt").integer().not_null())
        .col(ColumnDef::new("job_id").uuid().null())
        .col(ColumnDef::new("container").text().null())
        .col(ColumnDef::new("mark").uuid().null())
        .col(ColumnDef::new("attempt_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("started_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("finished_at").timestamp_with_time_zone().null())
        .col(ColumnDef::new("exit_code").big_integer().null())
        .col(ColumnDef::new("reason").text().null())
        .col(ColumnDef::new("output_cut").boolean().not_null())
        .col(ColumnDef::new("created_by").text().null())
        .primary_key(Index::create().col("id"))
        .foreign_key(
            ForeignKey::create()
                .from("scheduled_task_runs", "task_id")
                .to("scheduled_tasks", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}

fn scheduled_task_output() -> TableCreateStatement {
    Table::create()
        .table("scheduled_task_output")
        .col(ColumnDef::new("organization_id").uuid().not_null())
        .col(ColumnDef::new("run_id").uuid().not_null())
        .col(ColumnDef::new("seq").integer().not_null())
        .col(ColumnDef::new("text").text().not_null())
        .primary_key(Index::create().col("run_id").col("seq"))
        .foreign_key(
            ForeignKey::create()
                .from("scheduled_task_output", "run_id")
                .to("scheduled_task_runs", "id")
                .on_delete(ForeignKeyAction::Cascade),
        )
        .to_owned()
}
