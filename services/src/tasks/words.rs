//! A command as one line: split into words as a shell would do it, and put together again. Nothing is expanded, and no
//! shell is involved.

/// None when a quote does not end, or the line ends with a backslash.
pub fn split(line: &str) -> Option<Vec<String>> {
    shell_words::split(line).ok()
}

/// A line that splits into these words.
pub fn join(words: &[String]) -> String {
    shell_words::join(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_split_as_a_shell_does_and_nothing_is_expanded() {
        let line = r#"/bin/sh -c 'echo "$HOME" && rm *' a\ b "c 'd'" ''"#;
        assert_eq!(split(line).unwrap(), ["/bin/sh", "-c", "echo \"$HOME\" && rm *", "a b", "c 'd'", ""]);
        assert_eq!((split("echo 'open"), split("  ").unwrap().len()), (None, 0));
    }

    proptest! {
        #[test]
        fn a_joined_line_splits_into_the_same_words(words in prop::collection::vec("[ -~äß\n]{0,12}", 1..6)) {
            prop_assert_eq!(split(&join(&words)), Some(words));
        }
    }
}
