//! Which names a public certificate authority can't certify, because they mean something else to everyone who asks.

/// Reserved for machines themselves, for closed networks, and for examples; the operator's own authority may certify
/// the second kind.
const NOBODYS: &[&str] = &["localhost", "invalid", "onion", "alt"];
const CLOSED: &[&str] = &[
    "internal",
    "local",
    "test",
    "example",
    "arpa",
    "lan",
    "home",
    "corp",
    "private",
    "intranet",
    "localdomain",
    "mail",
];

/// Why no certificate can be had for the host, or none.
pub fn uncertifiable(host: &str, own_authority: bool) -> Option<&'static str> {
    let last = host.rsplit('.').next().unwrap_or_default();
    if NOBODYS.contains(&last) {
        return Some(
            "Names that end in .localhost and the like belong to each machine itself, so no authority certifies them.",
        );
    }
    if CLOSED.contains(&last) && !own_authority {
        return Some("Names of closed networks such as .internal are certified by no public authority.");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::uncertifiable;

    #[test]
    fn names_that_nobody_certifies() {
        for (host, public, own) in [
            ("shop.example.com", true, true),
            ("web.localhost", false, false),
            ("db.internal", false, true),
            ("shop.example", false, true),
            ("localhost.example.com", true, true),
            ("internal.dev", true, true),
        ] {
            assert_eq!(uncertifiable(host, false).is_none(), public, "{host}");
            assert_eq!(uncertifiable(host, true).is_none(), own, "{host}");
        }
    }
}
