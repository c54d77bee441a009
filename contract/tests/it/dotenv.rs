//! Texts of `.env` files, as people write them, and that writing and reading are each other's opposite.

use contract::dotenv::{line, parse};
use proptest::prelude::*;

fn pairs(text: &str) -> Vec<(String, String)> {
    parse(text).unwrap()
}

#[test]
fn the_usual_forms_are_read() {
    let text = "\u{feff}# a comment\n\nA=1\nexport B = two words  # a comment\nC='$NOT ${put} in `id` # here'\n\
                D=\"a\\nb\\t\\\"c\\\" \\$x \\\\ \\d\"\nE=\nF=a#b\r\nG=\"-----BEGIN-----\nabc\n-----END-----\n\" # key\n  H=$(id)\nI=x=y\nA=last\n\
                exported=1\nJ='it''";
    let refused = parse(text).unwrap_err();
    assert_eq!(refused.line, 17);
    let text = text.rsplit_once('\n').unwrap().0;
    let expected = [
        ("A", "last"),
        ("B", "two words"),
        ("C", "$NOT ${put} in `id` # here"),
        ("D", "a\nb\t\"c\" $x \\ \\d"),
        ("E", ""),
        ("F", "a#b"),
        ("G", "-----BEGIN-----\nabc\n-----END-----\n"),
        ("H", "$(id)"),
        ("I", "x=y"),
        ("exported", "1"),
    ];
    let expected: Vec<_> = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    assert_eq!(pairs(text), expected);
}

#[test]
fn what_cannot_be_read_names_its_line() {
    for (text, line) in
        [("A=1\nnothing", 2), ("1A=x", 1), ("A='open\nB=1\n", 1), ("A=\"x\" y", 1), ("A=1\nB-C=2", 2), ("=x", 1)]
    {
        assert_eq!(parse(text).unwrap_err().line, line, "{text:?}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(values in prop::collection::vec("(\\PC|[\"'\\\\$#` \\n\\r\\t=])*", 1..5)) {
        let text: String = values.iter().enumerate().map(|(index, value)| line(&format!("K{index}"), value)).collect();
        let read: Vec<String> = pairs(&text).into_iter().map(|(_, value)| value).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn no_text_is_too_strange(text in "(\\PC|[\"'\\\\$#` \\n\\r\\t=]){0,80}") {
        let _ = parse(&text);
    }
}
