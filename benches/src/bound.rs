//! The bound: what axum and sqlx alone do on this machine. `/rows` is the least that a list can be: fifty rows of nine
//! columns out of fifty thousand, for anyone. `/projects` is the projects list of the program's own database, written
//! as plainly as can be: one look at the session, then rows. No permission, no limit, no audit, no pages.
#![allow(clippy::disallowed_methods, reason = "it has no clock but the machine's")]

use crate::Result;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use sqlx::{Postgres, Sqlite};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use uuid::Uuid;

/// The server as a process of its own.
pub struct Process {
    _process: Child,
    pub address: SocketAddr,
}

impl Process {
    pub async fn start(database: &str) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["bound", database])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let address = lines.next_line().await?.ok_or("the bound ended before it listened")?.parse()?;
        Ok(Self { _process: process, address })
    }
}

pub async fn serve(database: &str) -> Result<()> {
    let router = if database.starts_with("sqlite:") {
        let options = database.parse::<sqlx::sqlite::SqliteConnectOptions>()?;
        let options = options
            .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
            .synchronous(sqlx::sqlite::SqliteSynchronous::Normal)
            .busy_timeout(std::time::Duration::from_secs(10));
        sqlite::router(sqlx::pool::PoolOptions::new().max_connections(4).connect_with(options).await?).await?
    } else {
        postgres::router(sqlx::pool::PoolOptions::new().max_connections(16).connect(database).await?).await?
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, router).await?)
}

const TABLE: &str = "CREATE TABLE bound_rows (id BIGINT PRIMARY KEY, owner BIGINT NOT NULL, name TEXT NOT NULL, \
    kind TEXT NOT NULL, status TEXT NOT NULL, host TEXT NOT NULL, revision BIGINT NOT NULL, note TEXT NOT NULL, \
    created_at TEXT NOT NULL)";
/// A thousand owners have fifty each.
const ROWS: &str = "INSERT INTO bound_rows WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) \
    SELECT i, i % 1000, 'application-' || i, 'dockerfile', 'running', 'application-' || i || '.example.com', i * 7, \
    'A sentence that somebody wrote about it', '2026-11-22T12:00:00Z' FROM n";
const INDEX: &str = "CREATE INDEX bound_rows_owner ON bound_rows (owner, id)";
const OWN_ROWS: &str = "SELECT id, owner, name, kind, status, host, revision, note, created_at FROM bound_rows \
    WHERE owner = $1 ORDER BY id LIMIT 50";

const SESSION: &str = "SELECT organization_id, expires_at, revoked_at FROM sessions WHERE token_hash = $1";
const PROJECTS: &str = "SELECT id, name, description, created_at FROM projects WHERE organization_id = $1 \
    ORDER BY id DESC LIMIT 50";
const ENVIRONMENTS: &str = "SELECT project_id, id, name FROM environments WHERE organization_id = $1 ORDER BY id";
const APPLICATIONS: &str = "SELECT a.project_id, a.id, a.environment_id, a.name, a.status, \
    a.source ->> 'kind' AS source_kind, x.\"commit\", x.finished_at, d.host \
    FROM applications a LEFT JOIN deployments x ON x.id = a.current_deployment_id \
    LEFT JOIN application_domains d ON d.application_id = a.id AND d.position = 0 \
    WHERE a.organization_id = $1 AND a.deleted_at IS NULL ORDER BY a.name";

type Row = (i64, i64, String, String, String, String, i64, String, String);
type Session = (Option<Uuid>, DateTime<Utc>, Option<DateTime<Utc>>);
type Project = (Uuid, String, String, DateTime<Utc>);
type Environment = (Uuid, Uuid, String);
type Application =
    (Uuid, Uuid, Uuid, String, String, Option<String>, Option<String>, Option<DateTime<Utc>>, Option<String>);

fn row_json((id, owner, name, kind, status, host, revision, note, created_at): Row) -> RowJson {
    RowJson { id, owner, name, kind, status, host, revision, note, created_at }
}

#[derive(Serialize)]
struct RowJson {
    id: i64,
    owner: i64,
    name: String,
    kind: String,
    status: String,
    host: String,
    revision: i64,
    note: String,
    created_at: String,
}

#[derive(Serialize)]
struct ProjectJson {
    id: Uuid,
    name: String,
    description: String,
    created_at: DateTime<Utc>,
    environments: Vec<EnvironmentJson>,
    applications: Vec<ApplicationJson>,
}

#[derive(Serialize)]
struct EnvironmentJson {
    id: Uuid,
    name: String,
}

#[derive(Serialize)]
struct ApplicationJson {
    id: Uuid,
    environment_id: Uuid,
    name: String,
    status: String,
    domains: Option<String>,
    source_kind: Option<String>,
    commit: Option<String>,
    deployed_at: Option<DateTime<Utc>>,
}

fn token_hash(headers: &HeaderMap) -> Vec<u8> {
    let cookie = headers.get(header::COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    Sha256::digest(cookie.split_once('=').map_or("", |(_, token)| token)).to_vec()
}

fn nest(projects: Vec<Project>, environments: Vec<Environment>, applications: Vec<Application>) -> Vec<ProjectJson> {
    let at: HashMap<Uuid, usize> = projects.iter().enumerate().map(|(index, project)| (project.0, index)).collect();
    let bare = |(id, name, description, created_at)| ProjectJson {
        id,
        name,
        description,
        created_at,
        environments: Vec::new(),
        applications: Vec::new(),
    };
    let mut projects: Vec<ProjectJson> = projects.into_iter().map(bare).collect();
    for (project, id, name) in environments {
        if let Some(project) = at.get(&project).and_then(|index| projects.get_mut(*index)) {
            project.environments.push(EnvironmentJson { id, name });
        }
    }
    for (project, id, environment_id, name, status, source_kind, commit, deployed_at, domains) in applications {
        if let Some(project) = at.get(&project).and_then(|index| projects.get_mut(*index)) {
            let application =
                ApplicationJson { id, environment_id, name, status, domains, source_kind, commit, deployed_at };
            project.applications.push(application);
        }
    }
    projects
}

fn failed(error: sqlx::Error) -> StatusCode {
    eprintln!("bound: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}

/// The two drivers have the same words and no type in common.
macro_rules! server {
    ($module:ident, $database:ty) => {
        mod $module {
            use super::*;

            type Pool = sqlx::Pool<$database>;

            pub async fn router(pool: Pool) -> Result<Router> {
                for statement in [TABLE, ROWS, INDEX] {
                    sqlx::query::<$database>(statement).execute(&pool).await?;
                }
                Ok(Router::new().route("/rows", get(rows)).route("/projects", get(projects)).with_state(pool))
            }

            async fn rows(State(pool): State<Pool>) -> Result<Response, StatusCode> {
                let rows = sqlx::query_as::<$database, Row>(OWN_ROWS).bind(500_i64).fetch_all(&pool);
                let rows: Vec<RowJson> = rows.await.map_err(failed)?.into_iter().map(row_json).collect();
                Ok(Json(rows).into_response())
            }

            async fn projects(State(pool): State<Pool>, headers: HeaderMap) -> Result<Response, StatusCode> {
                let session = sqlx::query_as::<$database, Session>(SESSION).bind(token_hash(&headers));
                let session = session.fetch_optional(&pool).await.map_err(failed)?;
                let session = session.filter(|each| each.2.is_none() && each.1 > Utc::now());
                let organization = session.and_then(|each| each.0).ok_or(StatusCode::UNAUTHORIZED)?;
                let projects = sqlx::query_as::<$database, Project>(PROJECTS).bind(organization).fetch_all(&pool);
                let projects = projects.await.map_err(failed)?;
                let environments = sqlx::query_as::<$database, Environment>(ENVIRONMENTS).bind(organization);
                let environments = environments.fetch_all(&pool).await.map_err(failed)?;
                let applications = sqlx::query_as::<$database, Application>(APPLICATIONS).bind(organization);
                let applications = applications.fetch_all(&pool).await.map_err(failed)?;
                Ok(Json(nest(projects, environments, applications)).into_response())
            }
        }
    };
}

server!(sqlite, Sqlite);
server!(postgres, Postgres);
