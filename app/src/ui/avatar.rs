//! A person or organization as two letters.

use leptos::prelude::*;

/// First letters of the first two words, or of the only one.
pub fn initials(name: &str) -> String {
    let letters = name.split(|c: char| !c.is_alphanumeric()).filter_map(|word| word.chars().next());
    letters.take(2).flat_map(char::to_uppercase).collect()
}

#[component]
pub fn Avatar(#[prop(into)] name: String) -> impl IntoView {
    view! { <span class=style::avatar::ROOT aria-hidden="true">{initials(&name)}</span> }
}

#[cfg(test)]
mod tests {
    use super::initials;

    #[test]
    fn two_letters_at_most() {
        assert_eq!(initials("Mira Okafor"), "MO");
        assert_eq!(initials("Blue Heron Hosting"), "BH");
        assert_eq!(initials("canopy"), "C");
        assert_eq!(initials(""), "");
    }
}
