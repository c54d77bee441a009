//! Many small rows at once, the fast way of either database. On PostgreSQL they are just read. On SQLite each row is
//! handed over from the database's own thread, which costs more than reading it: there all rows come as one JSON text.
//! Measured: on SQLite one text is about three times as fast as rows; on PostgreSQL rows are nearly twice as fast as JSON.

use crate::error::Result;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, QueryResult, Statement, Value};
use serde::de::DeserializeOwned;

/// A column as a statement names it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Column {
    /// SQLite keeps ids as bytes, which JSON has not.
    Id(&'static str),
    Plain(&'static str),
}

impl Column {
    fn name(self) -> &'static str {
        match self {
            Self::Id(name) | Self::Plain(name) => name,
        }
    }
}

/// What a row becomes: from an array of its values in the columns' order, or from the row itself.
pub(super) trait Row: DeserializeOwned {
    fn read(row: &QueryResult) -> std::result::Result<Self, DbErr>;
}

/// The rows of `SELECT <columns> <rest>`.
pub(super) async fn fetch<T: Row>(
    db: &impl ConnectionTrait,
    columns: &[Column],
    rest: &str,
    values: Vec<Value>,
) -> Result<Vec<T>> {
    let backend = db.get_database_backend();
    if backend != DbBackend::Sqlite {
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        let statement = format!("SELECT {} {rest}", names.join(", "));
        let rows = db.query_all_raw(Statement::from_sql_and_values(backend, statement, values)).await?;
        return rows.iter().map(|row| Ok(T::read(row)?)).collect();
    }
    let named = columns.iter().enumerate().map(|(index, column)| match column {
        Column::Id(name) => format!("nullif(hex({name}), '') AS c{index}"),
        Column::Plain(name) => format!("{name} AS c{index}"),
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let names = (0..columns.len()).map(|index| format!("c{index}")).collect::<Vec<_>>().join(", ");
    let statement = format!("SELECT json_group_array(json_array({names})) FROM (SELECT {named} {rest})");
    let row = db.query_one_raw(Statement::from_sql_and_values(backend, statement, values)).await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let text: String = row.try_get_by_index(0)?;
    Ok(serde_json::from_str(&text)?)
}
