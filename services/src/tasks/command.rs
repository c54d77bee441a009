//! The command of a task, as it may reach a container.

use super::words;

const MOST_WORDS: usize = 64;
const LONGEST: usize = 16 * 1024;

/// A program and its arguments; made only by its check, also of what was stored before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskCommand(Vec<String>);

impl TaskCommand {
    /// Of words, or of a line that is split into words.
    pub fn of(words: Vec<String>, line: Option<&str>) -> Result<Self, &'static str> {
        match line.map(str::trim).filter(|line| !line.is_empty()) {
            Some(_) if !words.is_empty() => Err("Give either the words or the line, not both."),
            Some(line) => {
                Self::parse(words::split(line).ok_or("A quote does not end, or the line ends with a backslash.")?)
            }
            None => Self::parse(words),
        }
    }

    pub fn parse(words: Vec<String>) -> Result<Self, &'static str> {
        if words.first().is_none_or(|program| program.trim().is_empty()) {
            return Err("Enter the command: a program and its arguments.");
        }
        if words.len() > MOST_WORDS {
            return Err("Use at most 64 words. Put a longer one into a script in the image.");
        }
        if words.iter().map(String::len).sum::<usize>() > LONGEST {
            return Err("Use at most 16 KiB. Put a longer one into a script in the image.");
        }
        if words.iter().any(|word| word.contains('\0')) {
            return Err("Remove the NUL character.");
        }
        Ok(Self(words))
    }

    pub fn stored(value: &serde_json::Value) -> Result<Self, &'static str> {
        let words = serde_json::from_value(value.clone()).map_err(|_| "The stored command is not a list of words.")?;
        Self::parse(words)
    }

    pub fn words(&self) -> &[String] {
        &self.0
    }

    pub fn line(&self) -> String {
        words::join(&self.0)
    }

    pub fn into_words(self) -> Vec<String> {
        self.0
    }
}
