//! Text must be readable on every surface in both themes: WCAG AA, measured from the numbers in `tokens.css`.

const TOKENS: &str = include_str!("../css/tokens.css");

/// Red, green, blue in linear light, from `oklch(l c h)`.
fn linear(colour: &str) -> [f64; 3] {
    let inner = colour.trim().trim_start_matches("oklch(").trim_end_matches(')');
    let part: Vec<f64> = inner.split_whitespace().map(|number| number.parse().expect("a number")).collect();
    let (l, a, b) = (part[0], part[1] * part[2].to_radians().cos(), part[1] * part[2].to_radians().sin());
    let long = (l + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let medium = (l - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let short = (l - 0.089_484_177_5 * a - 1.291_485_548 * b).powi(3);
    [
        4.076_741_662_1 * long - 3.307_711_591_3 * medium + 0.230_969_929_2 * short,
        -1.268_438_004_6 * long + 2.609_757_401_1 * medium - 0.341_319_396_5 * short,
        -0.004_196_086_3 * long - 0.703_418_614_7 * medium + 1.707_614_701 * short,
    ]
    .map(|channel| channel.clamp(0.0, 1.0))
}

fn luminance(colour: &str) -> f64 {
    let [red, green, blue] = linear(colour);
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

fn ratio(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The value of a token in the light (0) or dark (1) theme.
fn token(name: &str, theme: usize) -> String {
    let line = TOKENS.lines().find(|line| line.trim().starts_with(&format!("--{name}:"))).expect(name);
    let value = line.split_once(':').expect("a value").1.trim().trim_end_matches(';');
    match value.strip_prefix("light-dark(") {
        Some(pair) => pair.strip_suffix(')').expect("a pair").split(", ").nth(theme).expect("two themes").to_owned(),
        None => value.to_owned(),
    }
}

fn check(ink: &str, ground: &str, least: f64) {
    for (theme, name) in ["light", "dark"].into_iter().enumerate() {
        let found = ratio(&token(ink, theme), &token(ground, theme));
        assert!(found >= least, "--{ink} on --{ground}, {name}: {found:.2}, at least {least}");
    }
}

#[test]
fn text_is_readable_on_every_surface() {
    for ground in ["bg", "surface", "raised", "well"] {
        for ink in ["ink", "ink-2", "ink-3", "ok", "warn", "bad", "busy"] {
            check(ink, ground, 4.5);
        }
    }
    check("accent-ink", "accent", 4.5);
    check("danger-ink", "danger", 4.5);
}
