//! Every string that reaches git, an engine or the proxy passes one of these checks. Hostile values are those that
//! became advisories elsewhere: shell fragments, options, newlines, traversal, look-alikes.

use contract::validation::*;
use proptest::prelude::*;

type Check = fn(&str) -> Result<(), Refusal>;

/// The checks that stand before another program, each with an ordinary value.
const CHECKS: [(&str, Check, &str); 10] = [
    ("slug", slug, "my-app"),
    ("host_name", host_name, "app.example.com"),
    ("variable_key", variable_key, "DATABASE_URL"),
    ("relative_path", relative_path, "apps/web"),
    ("url_path", url_path, "/health/live?full=1"),
    ("git_ref", git_ref, "feature/login"),
    ("commit_id", commit_id, "0123456789abcdef0123456789abcdef01234567"),
    ("git_url", git_url, "https://github.com/owner/repository.git"),
    ("image_reference", image_reference, "registry.example.com:5000/team/app:1.0"),
    ("build_target", build_target, "runtime"),
];

/// Refused wherever they stand in a value.
const ANYWHERE: [&str; 27] = [
    "; id",
    ";id",
    "`id`",
    "$(id)",
    "$id",
    "${IFS}",
    "| id",
    "|id",
    "& id",
    "&& id",
    "\nid",
    "\r\nid",
    "\n",
    "\r",
    "\t",
    "'",
    "\"",
    "\\",
    "%0a",
    "%0A",
    "%00",
    "\0",
    "../../etc/x",
    "\u{202e}",
    "\u{200b}",
    "\u{7f}",
    "＄",
];

/// Refused as the whole value, or at its start: options, absolute paths, look-alikes.
const AT_START: [&str; 9] =
    ["--upload-pack=id", "-oProxyCommand=id", "-", "--", "-x", "ext::sh -c id", "file:///etc/x", "../x", "~root; id"];

fn refused(name: &str, check: Check, value: &str) {
    assert!(check(value).is_err(), "{name} accepts {value:?}");
}

#[test]
fn hostile_fragments_are_refused_wherever_they_stand() {
    for (name, check, ordinary) in CHECKS {
        check(ordinary).unwrap_or_else(|refusal| panic!("{name} refuses {ordinary}: {refusal}"));
        for fragment in ANYWHERE {
            refused(name, check, fragment);
            for at in 0..=ordinary.len() {
                let (before, after) = ordinary.split_at(at);
                refused(name, check, &format!("{before}{fragment}{after}"));
            }
        }
        for start in AT_START {
            refused(name, check, start);
        }
        refused(name, check, "");
        refused(name, check, " ");
        refused(name, check, &format!(" {ordinary}"));
        refused(name, check, &format!("{ordinary} "));
        refused(name, check, &"a".repeat(10_000));
        refused(name, check, &format!("{ordinary}{}", "a".repeat(10_000)));
    }
}

#[test]
fn absolute_paths_are_refused_where_they_are_not_meant() {
    for (name, check, _) in CHECKS {
        if name != "url_path" {
            refused(name, check, "/etc/x");
        }
    }
}

#[test]
fn letters_that_look_like_others_are_refused() {
    // Cyrillic а, Greek ο, full-width ａ, mathematical 𝐚 in a word of Latin letters.
    for letter in ['а', 'ο', 'ａ', '𝐚'] {
        for (name, check, ordinary) in CHECKS {
            let (before, after) = ordinary.split_at(ordinary.len() / 2);
            refused(name, check, &format!("{before}{letter}{after}"));
        }
    }
}

#[test]
fn traversal_and_the_repository_itself_are_refused() {
    for path in
        ["..", "a/..", "a/../b", "../a", "a/../../b", ".git", ".git/config", "sub/.GIT/hooks", "a\\..\\b", "//etc"]
    {
        refused("relative_path", relative_path, path);
    }
    for path in ["/..", "/a/../b", "/../../etc/x", "/a?..", "health", "http://x/"] {
        refused("url_path", url_path, path);
    }
}

#[test]
fn repositories_are_http_without_credentials_or_ssh() {
    for url in [
        "git://example.com/x.git",
        "file:///srv/x.git",
        "/srv/x.git",
        "ext::sh -c id",
        "HTTPS://github.com/x",
        "https://user:secret@example.com/x.git",
        "https://token@example.com/x.git",
        "https://example.com",
        "https://example.com/",
        "https:///x.git",
        "https://-oProxyCommand=id/x",
        "https://example.com:+80/x",
        "https://example.com:0/x",
        "https://example.com:70000/x",
        "https://example.com:/x",
        "https://example.com/x#fragment",
        "https://example.com/x?query",
        "https://example.com/../x",
        "https://[::1/x",
        "https://exa mple.com/x",
        "https://example.com/%",
        "https://example.com/%zz",
    ] {
        refused("git_url", git_url, url);
    }
}

#[test]
fn refs_follow_gits_own_rules() {
    for name in [
        "@",
        "a..b",
        "a@{1}",
        "a.lock",
        "a/b.lock/c",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.",
        "a^",
        "a~1",
        "a:b",
        "a?",
        "a*",
        "a[b",
    ] {
        refused("git_ref", git_ref, name);
    }
}

#[test]
fn hosts_and_images_are_whole() {
    for host in [
        "localhost",
        "*.example.com",
        "example.com.",
        "-a.example.com",
        "a-.example.com",
        "a..b",
        "192.0.2.1",
        "Example.com",
        "a_b.com",
        "exa!mple.com",
    ] {
        refused("host_name", host_name, host);
    }
    for image in [
        "nginx:",
        ":1",
        "nginx@sha256:12",
        "a//b",
        "host:/x",
        "host:1:2/x",
        ":5000/x",
        "UPPER",
        "a/Upper",
        "nginx:-x",
        "a:b/c:d/e",
    ] {
        refused("image_reference", image_reference, image);
    }
}

#[test]
fn what_people_really_use_is_accepted() {
    let cases: [(Check, &[&str]); 11] = [
        (
            git_url,
            &[
                "https://github.com/leptos-rs/leptos",
                "git@github.com:owner/repository.git",
                "ssh://git@git.example.com:2222/srv/app.git",
                "https://github.com/owner/repository.git",
                "https://gitlab.example.com:8443/group/sub-group/project.git",
                "http://127.0.0.1:41234/hello.git",
                "http://localhost:3000/r",
                "http://[::1]:8080/x.git",
                "https://dev.azure.com/org/My%20Project/_git/repo",
                "https://git.sr.ht/~user/repo",
            ],
        ),
        (
            git_ref,
            &[
                "main",
                "master",
                "release/1.2",
                "feature/ABC-123_x",
                "fix/#42",
                "v1.2.3",
                "v1.0.0+build.5",
                "dependabot/npm_and_yarn/axios-1.6",
                "größe",
                "ветка",
                "機能/検索",
                "user@host",
            ],
        ),
        (commit_id, &["da39a3ee5e6b4b0d3255bfef95601890afd80709"]),
        (
            image_reference,
            &[
                "nginx",
                "nginx:1.27-alpine",
                "library/nginx",
                "ghcr.io/owner/app:sha-0123abc",
                "localhost:5000/app",
                "registry.example.com/team/sub_group/app__x:1.0",
                "nginx@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
                "nginx:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            ],
        ),
        (
            host_name,
            &["example.com", "a.b.c.example.co.uk", "hello.localhost", "xn--bcher-kva.example", "1.example.com"],
        ),
        (
            relative_path,
            &[
                ".",
                "Dockerfile",
                "docker/Dockerfile.prod",
                "apps/web site",
                ".github/x",
                "packages/@scope/ui",
                "über/größe",
                "./public",
                "アプリ/公開",
            ],
        ),
        (url_path, &["/", "/healthz", "/api/v1/health?full=true&x=1", "/a%20b", "/~user/"]),
        (build_target, &["builder", "Stage_2", "run-time", "v1.0"]),
        (variable_key, &["PORT", "_x", "DATABASE_URL", "a1"]),
        (slug, &["a", "my-app", "0", "web-2"]),
        (scope_pattern, &["*", "deployments.*", "projects.list", "environment_variables.set"]),
    ];
    for (check, values) in cases {
        for value in values {
            check(value).unwrap_or_else(|refusal| panic!("{value} is refused: {refusal}"));
        }
    }
    for address in ["a@example.com", "first.last+tag@sub.example.co.uk", "root@localhost", "O_o@Example.COM"] {
        email(address).unwrap();
    }
    for name in ["Acme, Inc.", "Überraschung", "東京 2", "O'Brien & <Söhne>", "a"] {
        display_name(name).unwrap();
    }
}

#[test]
fn names_and_passwords_have_their_limits() {
    for name in ["", " ", " a", "a ", "a\nb", "a\0b", "a\u{202e}b", "a\u{200b}", &"x".repeat(81)] {
        refused("display_name", display_name, name);
    }
    for address in [
        "",
        "a",
        "@example.com",
        "a@",
        "a@b",
        "a b@example.com",
        "a@example.com\n",
        "<a@example.com>",
        "a@exa mple.com",
        "a@b@",
        "\"a\"@example.com",
    ] {
        refused("email", email, address);
    }
    for pattern in [
        "",
        "**",
        "*.list",
        "projects",
        "projects.",
        ".list",
        "projects.list.x",
        "Projects.*",
        "projects.l*",
        "projects.*\n",
    ] {
        refused("scope_pattern", scope_pattern, pattern);
    }
    assert!(password(&"x".repeat(11)).is_err() && password(&"x".repeat(257)).is_err());
    assert!(password(&"x".repeat(12)).is_ok() && password(&"é".repeat(256)).is_ok());
    assert!(variable_value("any\nthing 'at' \"all\" $(id)").is_ok());
    assert!(variable_value("\0").is_err() && variable_value(&"x".repeat(65 * 1024)).is_err());
}

/// Ordinary pieces with hostile ones among them: nearer to what is accepted than plain noise.
fn near_misses() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z0-9./_-]{0,12}",
        1 => prop::sample::select(&ANYWHERE[..]).prop_map(str::to_owned),
        1 => prop::sample::select(&AT_START[..]).prop_map(str::to_owned),
        1 => "\\PC{0,3}",
        1 => prop::sample::select(CHECKS.map(|(_, _, ordinary)| ordinary).to_vec()).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Whatever is accepted is one plain word to any shell, is no option, and leads nowhere else.
    #[test]
    fn what_is_accepted_is_plain(text in near_misses()) {
        for (name, check, _) in CHECKS {
            if check(&text).is_err() {
                continue;
            }
            prop_assert!(!text.starts_with('-'), "{} accepts {:?}", name, text);
            prop_assert!(!text.chars().any(char::is_control), "{} accepts {:?}", name, text);
            prop_assert!(text.len() <= 2048, "{} accepts {:?}", name, text);
            let hostile = |c: char| ";`$|'\"\\<>(){}*\n\r\0".contains(c);
            prop_assert!(!text.contains(hostile), "{} accepts {:?}", name, text);
            prop_assert!(!text.split('/').any(|part| part == ".."), "{} accepts {:?}", name, text);
            if name != "relative_path" {
                prop_assert!(!text.contains(' '), "{} accepts {:?}", name, text);
            }
            if name != "url_path" {
                prop_assert!(!text.contains('&') && !text.starts_with('/'), "{} accepts {:?}", name, text);
            }
        }
    }

    #[test]
    fn no_check_panics(text: String) {
        for (_, check, _) in CHECKS {
            let _ = check(&text);
        }
        let _ = (display_name(&text), email(&text), password(&text), scope_pattern(&text), variable_value(&text));
    }
}
