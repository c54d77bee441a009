//! The report: a line for each of their objects, what became of it and what is to be known about it.

use serde::Serialize;
use services::imports::{Row, Verdict, printable};
use std::fmt::Write;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Not made yet.
    Planned,
    Made,
    /// It was there already.
    Kept,
    Failed,
    LeftOut,
}

#[derive(Debug, Clone, Serialize)]
pub struct Line {
    #[serde(flatten)]
    pub row: Row,
    pub outcome: Outcome,
    /// Its id here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made: Option<String>,
}

impl Line {
    pub fn planned(row: Row) -> Self {
        let outcome = if row.verdict == Verdict::NotMapped { Outcome::LeftOut } else { Outcome::Planned };
        Self { row, outcome, made: None }
    }

    fn word(&self) -> &'static str {
        match (self.outcome, self.row.verdict) {
            (Outcome::Planned, Verdict::Maps) => "maps",
            (Outcome::Planned, _) => "differs",
            (Outcome::Made, _) => "made",
            (Outcome::Kept, _) => "was there",
            (Outcome::Failed, _) => "FAILED",
            (Outcome::LeftOut, _) => "left out",
        }
    }
}

pub fn print(lines: &[Line], json: bool) -> Result<(), String> {
    if json {
        let text = serde_json::to_string_pretty(&serde_json::json!({ "items": lines }));
        println!("{}", text.map_err(|error| error.to_string())?);
        return Ok(());
    }
    print!("{}", table(lines));
    Ok(())
}

pub fn table(lines: &[Line]) -> String {
    let name = |line: &Line| printable(&line.row.name).chars().take(48).collect::<String>();
    let width = lines.iter().map(|line| name(line).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for line in lines {
        let _ = writeln!(text, "{:<9}  {:<15}  {:<width$}", line.word(), line.row.kind, name(line));
        for note in &line.row.notes {
            let _ = writeln!(text, "           - {}", printable(note));
        }
    }
    let count = |wanted: &str| lines.iter().filter(|line| line.word() == wanted).count();
    let words = ["maps", "differs", "made", "was there", "FAILED", "left out"];
    let sums: Vec<String> =
        words.iter().filter(|word| count(word) > 0).map(|word| format!("{} {word}", count(word))).collect();
    let _ = writeln!(text, "\n{}", if sums.is_empty() { "Nothing is there.".to_owned() } else { sums.join(", ") });
    text
}
