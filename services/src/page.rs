//! Cursor paging by id: ids sort by the time they were made, so a page stays what it was while rows are added.

use crate::error::{Error, Result};
use contract::Page;
use contract::page::{DEFAULT_LIMIT, MAX_LIMIT};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Value};
use uuid::Uuid;

/// How much of a list, from where.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    limit: u64,
    after: Option<Uuid>,
}

impl Window {
    pub fn of(limit: Option<u32>, cursor: Option<&str>) -> Result<Self> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::field("limit", format!("Use 1 to {MAX_LIMIT}.")));
        }
        let after = cursor
            .filter(|text| !text.is_empty())
            .map(|text| text.parse().map_err(|_| Error::field("cursor", "Use the next_cursor of the page before.")))
            .transpose()?;
        Ok(Self { limit: u64::from(limit), after })
    }

    /// Rows to read: the page and one more.
    pub fn rows(&self) -> u64 {
        self.limit + 1
    }

    /// Where the page before ended.
    pub fn after(&self) -> Option<Uuid> {
        self.after
    }

    /// Newest first.
    pub fn newest_first<E: EntityTrait>(&self, query: Select<E>, id: E::Column) -> Select<E> {
        let query = match self.after {
            Some(after) => query.filter(id.lt(Value::from(after))),
            None => query,
        };
        query.order_by_desc(id).limit(self.limit + 1)
    }

    /// Oldest first.
    pub fn oldest_first<E: EntityTrait>(&self, query: Select<E>, id: E::Column) -> Select<E> {
        let query = match self.after {
            Some(after) => query.filter(id.gt(Value::from(after))),
            None => query,
        };
        query.order_by_asc(id).limit(self.limit + 1)
    }

    /// Cuts the extra row that tells whether there is more.
    pub fn page<T>(&self, mut rows: Vec<T>, id: impl Fn(&T) -> Uuid) -> Page<T> {
        let more = rows.len() as u64 > self.limit;
        rows.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        let next_cursor = if more { rows.last().map(|row| id(row).to_string()) } else { None };
        Page { items: rows, next_cursor }
    }
}

/// What a caller searches for, unless it is blank. A page's address may bring a NUL, which PostgreSQL takes for a fault of ours.
pub fn term(search: Option<&str>) -> Result<Option<&str>> {
    match search.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) if text.len() > 200 => Err(Error::field("search", "Use at most 200 characters.")),
        Some(text) if text.contains('\0') => Err(Error::field("search", "Remove the NUL character.")),
        other => Ok(other),
    }
}

/// A pattern that matches the text anywhere, whatever it holds; pair it with `escape('!')`.
pub fn contains(text: &str) -> sea_orm::sea_query::LikeExpr {
    sea_orm::sea_query::LikeExpr::new(pattern(text)).escape('!')
}

/// The same for a statement that is written out.
pub fn pattern(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    format!("%{}%", escaped.to_lowercase())
}
