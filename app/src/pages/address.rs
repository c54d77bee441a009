//! What a list's address says. Search, filters and the page are in the query, so a list can be shared and goes without
//! the program.

use crate::operation::Failure;
use contract::{Code, Error};
use leptos::prelude::*;
use leptos_router::hooks::{use_params_map, use_query_map};

/// The value of one query parameter; an empty one is absent, as forms send fields that were left empty.
pub fn parameter(name: &'static str) -> Memo<Option<String>> {
    let query = use_query_map();
    Memo::new(move |_| query.with(|query| query.get(name)).filter(|value| !value.trim().is_empty()))
}

/// The id in the page's own path, under the name that its route gives it.
pub fn path_id<I>(name: &'static str) -> Memo<Option<I>>
where
    I: std::str::FromStr + PartialEq + Send + Sync + 'static,
{
    let path = use_params_map();
    Memo::new(move |_| path.with(|path| path.get(name)).and_then(|id| id.parse().ok()))
}

/// The id, or the refusal that an unknown one gets: what is not an id leads nowhere either.
pub fn known<I>(id: Option<I>) -> Result<I, Failure> {
    id.ok_or_else(|| Failure(Error::new(Code::NotFound, "Nothing is at this address.")))
}

/// `path?name=value&...` of the parameters that have a value.
pub fn address(path: &str, parameters: &[(&str, Option<&str>)]) -> String {
    let mut address = path.to_owned();
    let present = parameters.iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    for (index, (name, value)) in present.enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        escape(value, &mut address);
    }
    address
}

/// The same on the server and in the browser, so that both write the same link.
fn escape(value: &str, into: &mut String) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// "1 server", "2 servers"; "50 servers" of a list that goes on says so.
pub fn count(items: usize, one: &str, more: bool) -> String {
    match (items, more) {
        (1, false) => format!("1 {one}"),
        (_, false) => format!("{items} {one}s"),
        (_, true) => format!("{items} {one}s on this page"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_parameters_are_left_out_and_values_cannot_add_their_own() {
        assert_eq!(address("/audit", &[("q", None), ("action", Some("a&b=c"))]), "/audit?action=a%26b%3Dc");
        assert_eq!(address("/audit", &[("q", None)]), "/audit");
    }
}
