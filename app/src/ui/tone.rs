//! What a colour means. Colour is spent on state and on nothing else.

/// The state behind a dot, a notice or a line of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    Ok,
    Warn,
    Bad,
    /// On its way: queued, building, switching, draining.
    Busy,
    /// Unknown, stopped or not of interest. Unknown is not down.
    #[default]
    Neutral,
}

impl Tone {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Busy => "busy",
            Self::Neutral => "neutral",
        }
    }
}
