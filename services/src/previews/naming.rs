//! What a preview is called and where it answers. Pure.

use crate::values::HostName;

pub const USUAL: &str = "pr-{number}-{name}.{domain}";
const LONGEST_LABEL: usize = 63;

/// `pr-7-shop`: the number whole, the name as far as there is room.
pub fn name(number: i64, of: &str) -> String {
    shortened(&format!("pr-{number}-{of}"))
}

fn shortened(label: &str) -> String {
    let cut: String = label.chars().take(LONGEST_LABEL).collect();
    cut.trim_end_matches('-').to_owned()
}

/// The host of a preview; none when the template does not give one, such as for want of a domain.
pub fn host(template: &str, number: i64, of: &str, domain: Option<&str>) -> Option<HostName> {
    let domain = match domain {
        Some(domain) => domain,
        None if template.contains("{domain}") => return None,
        None => "",
    };
    let filled = template.replace("{number}", &number.to_string()).replace("{name}", of).replace("{domain}", domain);
    let labels: Vec<String> = filled.to_ascii_lowercase().split('.').map(shortened).collect();
    HostName::parse(&labels.join(".")).ok()
}

/// Every preview needs a host of its own: the number has to be in it.
pub fn check(template: &str) -> Result<(), &'static str> {
    if !template.contains("{number}") {
        return Err("Put {number} into it, so that each preview has a host of its own.");
    }
    let with = |number, name| host(template, number, name, Some("example.com"));
    match (with(1, "a"), with(i64::MAX, "a")) {
        (Some(one), Some(other)) if one != other => Ok(()),
        _ => Err("Use a host name with {number}, {name} and {domain} in it, such as pr-{number}-{name}.{domain}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hosts_follow_the_template() {
        let check = |template, meant: Option<&str>| {
            let host = host(template, 7, "shop", Some("example.com"));
            assert_eq!(host.as_ref().map(HostName::as_str), meant, "{template}");
        };
        check(USUAL, Some("pr-7-shop.example.com"));
        check("{number}.preview.example.org", Some("7.preview.example.org"));
        check("PR{number}.{domain}", Some("pr7.example.com"));
        check("{number}", None);
        check("*.{number}.{domain}", None);
        assert_eq!(host(USUAL, 7, "shop", None), None);
        assert!(host("{number}.p.example.org", 7, "shop", None).is_some());
    }

    #[test]
    fn a_template_without_the_number_would_give_all_one_host() {
        for template in
            ["{name}.{domain}", "pr.example.com", "", "{number}", "a b{number}.{domain}", "$(id){number}.x.y"]
        {
            assert!(super::check(template).is_err(), "{template}");
        }
        // The number is cut off where the label is too long.
        let long = format!("{}{{number}}.example.com", "a".repeat(63));
        assert!(super::check(&long).is_err());
        assert!(super::check(USUAL).is_ok());
    }

    proptest! {
        #[test]
        fn two_numbers_never_meet_in_one_name(a in 1_i64.., b in 1_i64.., of in "[a-z][a-z0-9-]{0,61}[a-z0-9]") {
            prop_assert!(crate::values::Slug::parse(&name(a, &of)).is_ok(), "{}", name(a, &of));
            if a != b {
                prop_assert_ne!(name(a, &of), name(b, &of));
                prop_assert_ne!(host(USUAL, a, &of, Some("example.com")), host(USUAL, b, &of, Some("example.com")));
            }
        }
    }
}
