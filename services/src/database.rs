//! The two ways into the database. SQLite takes one writer at a time: all writes go through one connection, so they
//! queue in order instead of failing busy; reads have their own connections and never wait for a writer.

use crate::error::{Error, Result};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

#[derive(Clone)]
pub struct Database {
    read: DatabaseConnection,
    write: DatabaseConnection,
}

impl Database {
    /// The embedded database in this file; made when absent.
    pub async fn sqlite(file: &Path) -> Result<Self> {
        // For its owner only, and so are the files that SQLite makes beside it.
        let mut made = OpenOptions::new();
        made.create(true)
            .append(true)
            .mode(0o600)
            .open(file)
            .map_err(|error| Error::internal(format!("{}: {error}", file.display())))?;
        // Any path is a file's name, but not every path can be part of an address.
        let (url, file) = ("sqlite://canopy.sqlite", file.to_owned());
        let open = |connections: u32| {
            let mut options = ConnectOptions::new(url);
            options.max_connections(connections).min_connections(1).sqlx_logging(false);
            pace(&mut options);
            let file = file.clone();
            options.map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    .filename(&file)
                    .pragma("journal_mode", "WAL")
                    // Each commit reaches the disk's cache in order; a power cut may lose the last ones, never corrupt.
                    .pragma("synchronous", "NORMAL")
                    .pragma("busy_timeout", "10000")
                    .pragma("foreign_keys", "ON")
                    .pragma("cache_size", "-8000")
            });
            options
        };
        let write = sea_orm::Database::connect(open(1)).await?;
        let read = sea_orm::Database::connect(open(4)).await?;
        Ok(Self { read, write })
    }

    /// A PostgreSQL server that several processes may share.
    pub async fn postgres(url: &str, connections: u32) -> Result<Self> {
        let mut options = ConnectOptions::new(url.to_owned());
        options.max_connections(connections).min_connections(1).sqlx_logging(false);
        pace(&mut options);
        // The pool would go on trying for as long as it lets callers wait for a connection.
        let connected = tokio::time::timeout(Duration::from_secs(5), sea_orm::Database::connect(options)).await;
        let pool = connected.map_err(|_| {
            Error::Unavailable(
                "PostgreSQL does not answer at CANOPY_DATABASE_URL. Check its host, port and network".into(),
            )
        })??;
        Ok(Self { read: pool.clone(), write: pool })
    }

    /// For reads outside a transaction.
    pub fn read(&self) -> &DatabaseConnection {
        &self.read
    }

    /// For single statements that write outside a transaction, and for migrations.
    pub fn write(&self) -> &DatabaseConnection {
        &self.write
    }

    /// A transaction that may write from its first statement on.
    pub async fn begin(&self) -> Result<DatabaseTransaction> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..Default::default()
        };
        // In a task of its own: a BEGIN whose caller goes away half-way (a client that disconnects, a job that is cut
        // off) would leave its connection in the pool with a transaction open that nobody ends, and its locks held.
        let write = self.write.clone();
        let begun = tokio::spawn(async move { write.begin_with_options(options).await });
        Ok(begun.await.map_err(Error::internal)??)
    }

    /// What the server's clock says.
    pub async fn time(&self) -> Result<contract::Time> {
        let asked = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp() AS now");
        let row = self.write.query_one_raw(asked).await?.ok_or_else(|| Error::internal("no time was answered"))?;
        Ok(row.try_get("", "now")?)
    }

    pub fn is_postgres(&self) -> bool {
        self.write.get_database_backend() == DbBackend::Postgres
    }

    pub async fn close(self) {
        let _ = self.read.close().await;
        let _ = self.write.close().await;
    }
}

fn pace(options: &mut ConnectOptions) {
    options.acquire_timeout(Duration::from_secs(20)).idle_timeout(Duration::from_secs(600));
    // A connection that was just used is there: asking it before each statement costs a turn with the database.
    options.test_before_acquire_if_idle_for(Duration::from_secs(1));
}
