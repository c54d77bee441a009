//! What was measured, as ratios beside their aims.

use crate::load::Measured;
use std::fmt::{Display, Formatter, Result};
use std::time::Duration;

pub struct Report {
    pub database: &'static str,
    /// The projects list as JSON, signed in.
    pub list: Vec<Measured>,
    /// The bound: fifty rows of one table, for anyone.
    pub rows: Vec<Measured>,
    /// The same list as plainly as can be, with a look at the session.
    pub plain: Vec<Measured>,
    /// The projects page, its data in the HTML.
    pub page: Vec<Measured>,
    pub compressed: Vec<Measured>,
    pub start: Duration,
    pub idle_memory: u64,
    pub loaded_memory: u64,
}

const LEAST_OF_THE_BOUND: f64 = 0.2;
const PAGES_PER_SECOND: f64 = 500.0;
const LONGEST_START: Duration = Duration::from_secs(1);
const MOST_MEMORY: u64 = 100 << 20;

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{}", self.database)?;
        servers(f, "axum + sqlx, 50 rows (the bound)", &self.rows, "")?;
        servers(f, "axum + sqlx, session and the same list", &self.plain, "")?;
        servers(f, "projects list, JSON", &self.list, "")?;
        let ratio = ratio(&self.list, &self.rows);
        line(f, "  of the bound", &share(ratio), &aim(ratio >= LEAST_OF_THE_BOUND, "at least 0.20"))?;
        let same = self::ratio(&self.list, &self.plain);
        line(f, "  of the same list, plain", &share(same), &aim(same >= LEAST_OF_THE_BOUND, "at least 0.20"))?;
        let pages = median(self.page.iter().map(|each| each.per_second));
        servers(f, "projects page, HTML", &self.page, &aim(pages >= PAGES_PER_SECOND, "at least 500/s"))?;
        line(f, "  of the bound", &share(self::ratio(&self.page, &self.rows)), "")?;
        servers(f, "projects page, compressed", &self.compressed, "")?;
        let start = format!("{:.2} s", self.start.as_secs_f64());
        line(f, "start to the first page", &start, &aim(self.start < LONGEST_START, "under 1 s"))?;
        let held = aim(self.idle_memory < MOST_MEMORY, "under 100 MiB");
        line(f, "memory after one page", &mebibytes(self.idle_memory), &held)?;
        line(f, "memory after all this", &mebibytes(self.loaded_memory), "")
    }
}

fn line(f: &mut Formatter<'_>, what: &str, value: &str, rest: &str) -> Result {
    writeln!(f, "{}", format!("  {what:<40} {value:>10}  {rest}").trim_end())
}

fn servers(f: &mut Formatter<'_>, what: &str, rounds: &[Measured], aim: &str) -> Result {
    let rate = median(rounds.iter().map(|each| each.per_second));
    let took = median(rounds.iter().map(|each| each.median.as_secs_f64() * 1000.0));
    let bytes = rounds.first().map_or(0, |each| each.bytes);
    let rest = format!("median {took:.1} ms, {bytes} bytes{}{aim}", if aim.is_empty() { "" } else { "; " });
    line(f, what, &format!("{rate:.0}/s"), &rest)
}

/// Round by round, since both were measured in the same moment.
fn ratio(ours: &[Measured], theirs: &[Measured]) -> f64 {
    median(ours.iter().zip(theirs).map(|(ours, theirs)| ours.per_second / theirs.per_second))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn share(ratio: f64) -> String {
    format!("{ratio:.2}")
}

fn aim(met: bool, words: &str) -> String {
    format!("aim: {words}, {}", if met { "met" } else { "MISSED" })
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}
