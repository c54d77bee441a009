//! What is being done, step by step: a deployment, the checklist of a server.

use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use super::time::duration;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    #[default]
    Idle,
    Pending,
    Ok,
    Failed,
    /// Not needed, or not reached.
    Skipped,
}

impl StepState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Pending => "pending",
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// For those who do not see the mark.
    const fn spoken(self) -> &'static str {
        match self {
            Self::Idle => ", not begun",
            Self::Pending => ", running",
            Self::Ok => ", done",
            Self::Failed => ", failed",
            Self::Skipped => ", skipped",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    pub title: String,
    pub state: StepState,
    /// "412 files from GitHub".
    pub detail: Option<String>,
    /// Why it failed.
    pub reason: Option<String>,
    /// What to do about it.
    pub fix: Option<String>,
    pub took_ms: Option<i64>,
}

impl Step {
    pub fn new(title: impl Into<String>, state: StepState) -> Self {
        Self { title: title.into(), state, ..Self::default() }
    }

    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn failure(mut self, reason: impl Into<String>, fix: Option<String>) -> Self {
        self.reason = Some(reason.into());
        self.fix = fix;
        self
    }

    #[must_use]
    pub fn took(mut self, ms: i64) -> Self {
        self.took_ms = Some(ms);
        self
    }
}

/// Follows `items` while they change.
#[component]
pub fn Steps(
    #[prop(into)] items: Signal<Vec<Step>>,
    #[prop(default = "Steps".to_owned(), into)] label: String,
) -> impl IntoView {
    view! {
        <ol class=style::steps::ROOT aria-label=label>
            {move || items.get().into_iter().map(one).collect_view()}
        </ol>
    }
}

fn one(step: Step) -> AnyView {
    let state = step.state.as_str();
    let mark = match step.state {
        StepState::Ok => Some(Glyph::Check),
        StepState::Failed => Some(Glyph::Cross),
        _ => None,
    };
    view! {
        <li class=style::steps::STEP data-state=state aria-current=(step.state == StepState::Pending).then_some("step")>
            <span class=style::steps::MARK data-state=state>
                {mark.map(|glyph| view! { <Icon glyph=glyph /> })}
            </span>
            <span class=style::steps::WORDS>
                <b>{step.title}</b>
                <span class=style::text::UNSEEN>{step.state.spoken()}</span>
                {step.detail.map(|detail| view! { <small>{detail}</small> })}
                {step.reason.map(|reason| view! { <small class="reason">{reason}</small> })}
                {step.fix.map(|fix| view! { <small class="fix">{fix}</small> })}
            </span>
            <span class=style::steps::TOOK>{step.took_ms.map(duration)}</span>
        </li>
    }
    .into_any()
}
