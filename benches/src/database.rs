//! The two databases. Each run has data of its own.

use crate::Result;
use sqlx::{Connection, PgConnection};
use std::path::Path;

pub enum Database {
    /// In the program's data folder.
    Sqlite,
    Postgres(url::Url),
}

impl Database {
    /// A database of its own on this server.
    pub async fn fresh_postgres(server: &str) -> Result<Self> {
        let name = format!("canopy_bench_{}", std::process::id());
        let mut connection = PgConnection::connect(server).await?;
        // The name is made of our words and a number.
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await?;
        let mut url = url::Url::parse(server)?;
        url.set_path(&name);
        Ok(Self::Postgres(url))
    }

    /// What a server that has run for some minutes knows of its tables; a fresh one guesses.
    pub async fn settle(&self) -> Result<()> {
        if let Self::Postgres(url) = self {
            sqlx::raw_sql("ANALYZE").execute(&mut PgConnection::connect(url.as_str()).await?).await?;
        }
        Ok(())
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
        }
    }

    pub fn url(&self, data: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}/data/canopy.sqlite", data.display()),
            Self::Postgres(url) => url.to_string(),
        }
    }
}
