//! Small drawings of numbers over time, made on the server. A gap in the data stays a gap.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::tone::Tone;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 86.0;

/// A line with the area below it. `summary` says in words what is drawn: "CPU over 24 h, 41 % now".
#[component]
pub fn Sparkline(
    points: Vec<Option<f64>>,
    #[prop(into)] summary: String,
    #[prop(optional)] tone: Tone,
    /// The value to read in large, above.
    #[prop(optional, into)]
    value: Option<String>,
    /// Words under the drawing, spread over its width: hours in UTC.
    #[prop(optional)]
    axis: Vec<String>,
    /// The top of the scale; the largest value where it is not given.
    #[prop(optional)]
    max: Option<f64>,
    #[prop(optional)] small: bool,
) -> impl IntoView {
    let top = scale(points.iter().flatten().copied(), max);
    let (line, area) = paths(&points, top);
    view! {
        <figure class=style::chart::ROOT>
            {value.map(|value| view! { <span class=style::chart::VALUE>{value}</span> })}
            <svg
                class=style::chart::DRAWING
                viewBox="0 0 300 86"
                preserveAspectRatio="none"
                role="img"
                aria-label=summary
                data-tone=tone.as_str()
                data-small=small
            >
                {(!small)
                    .then(|| {
                        view! {
                            <path class=style::chart::RULE d="M0 0.5H300" />
                            <path class=style::chart::RULE d="M0 43H300" />
                            <path class=style::chart::RULE d="M0 85.5H300" />
                        }
                    })}
                <path class=style::chart::AREA d=area />
                <path class=style::chart::LINE d=line />
            </svg>
            {axis_line(axis)}
        </figure>
    }
}

/// One bar per value.
#[component]
pub fn Bars(
    values: Vec<f64>,
    #[prop(into)] summary: String,
    #[prop(optional)] tone: Tone,
    #[prop(optional)] axis: Vec<String>,
    #[prop(optional)] small: bool,
) -> impl IntoView {
    let top = scale(values.iter().copied(), None);
    let slot = WIDTH / values.len().max(1) as f64;
    let bars = values
        .into_iter()
        .enumerate()
        .map(|(index, value)| {
            let height = (value.max(0.0) / top * HEIGHT).max(1.0);
            view! {
                <rect
                    class=style::chart::BAR
                    x=format!("{:.1}", index as f64 * slot + slot * 0.1)
                    y=format!("{:.1}", HEIGHT - height)
                    width=format!("{:.1}", slot * 0.8)
                    height=format!("{height:.1}")
                />
            }
        })
        .collect_view();
    view! {
        <figure class=style::chart::ROOT>
            <svg
                class=style::chart::DRAWING
                viewBox="0 0 300 86"
                preserveAspectRatio="none"
                role="img"
                aria-label=summary
                data-tone=tone.as_str()
                data-small=small
            >
                {bars}
            </svg>
            {axis_line(axis)}
        </figure>
    }
}

fn axis_line(axis: Vec<String>) -> Option<impl IntoView> {
    (!axis.is_empty()).then(|| {
        let words = axis.into_iter().map(|word| view! { <span>{word}</span> }).collect_view();
        view! { <figcaption class=style::chart::AXIS>{words}</figcaption> }
    })
}

fn scale(values: impl Iterator<Item = f64>, max: Option<f64>) -> f64 {
    let largest = max.unwrap_or_else(|| values.fold(0.0, f64::max));
    if largest > 0.0 { largest } else { 1.0 }
}

/// The line, and the same closed along the bottom, each in as many pieces as there are runs without a gap.
fn paths(points: &[Option<f64>], top: f64) -> (String, String) {
    let step = WIDTH / points.len().saturating_sub(1).max(1) as f64;
    let (mut line, mut area) = (String::new(), String::new());
    let mut run: Option<(f64, f64)> = None;
    for (index, point) in points.iter().enumerate() {
        let x = index as f64 * step;
        match point {
            Some(value) => {
                let y = HEIGHT - value.clamp(0.0, top) / top * HEIGHT;
                // Writing to a string cannot fail.
                let _ = if run.is_some() {
                    write!(line, "L{x:.1} {y:.1}").and(write!(area, "L{x:.1} {y:.1}"))
                } else {
                    write!(line, "M{x:.1} {y:.1}").and(write!(area, "M{x:.1} {HEIGHT}L{x:.1} {y:.1}"))
                };
                run = Some((run.map_or(x, |(start, _)| start), x));
            }
            None => close(&mut area, run.take()),
        }
    }
    close(&mut area, run);
    (line, area)
}

fn close(area: &mut String, run: Option<(f64, f64)>) {
    if let Some((_, end)) = run {
        let _ = write!(area, "L{end:.1} {HEIGHT}Z");
    }
}

#[cfg(test)]
mod tests {
    use super::paths;

    #[test]
    fn gaps_stay_gaps() {
        let (line, area) = paths(&[Some(1.0), Some(2.0), None, Some(2.0), Some(1.0)], 2.0);
        assert_eq!(line, "M0.0 43.0L75.0 0.0M225.0 0.0L300.0 43.0");
        assert_eq!(area.matches('Z').count(), 2);
    }
}
