//! GitHub's interface for apps, from a server on loopback that answers as its documentation says.

use adapters::github::GithubApi;
use adapters::outbound::Outbound;
use services::github_apps::{Github, GithubError, Named, Right};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

type Seen = Arc<Mutex<Vec<(String, String, String)>>>;

/// Answers by method and path; remembers what was asked, with what, and the body.
fn serve() -> (u16, Seen) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let kept = seen.clone();
    let page: Vec<String> = (0..100).map(|n| format!(r#"{{"full_name":"team/r{n}","private":true}}"#)).collect();
    let full = format!(r#"{{"repositories":[{}]}}"#, page.join(","));
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut reader = BufReader::new(connection.try_clone().unwrap());
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let asked = line.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
            let (mut length, mut authorization) = (0, String::new());
            loop {
                let mut header = String::new();
                reader.read_line(&mut header).unwrap();
                let Some((name, value)) = header.trim().split_once(": ") else { break };
                match name.to_lowercase().as_str() {
                    "content-length" => length = value.parse().unwrap(),
                    "authorization" => authorization = value.to_owned(),
                    _ => {}
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            kept.lock().unwrap().push((asked.clone(), authorization.clone(), String::from_utf8(body).unwrap()));
            let (status, answer) = match asked.as_str() {
                "POST /app-manifests/good/conversions" => (
                    "201 Created",
                    r#"{"id":42,"slug":"acme","html_url":"https://github.com/apps/acme","webhook_secret":"hush","pem":"PEM"}"#,
                ),
                "POST /app-manifests/odd/conversions" => ("201 Created", r#"{"id":"42"}"#),
                "GET /repos/team/shop/installation" => ("200 OK", r#"{"id":7}"#),
                "POST /app/installations/7/access_tokens" => ("201 Created", r#"{"token":"ghs_hush"}"#),
                "GET /app/installations?per_page=100" => ("200 OK", r#"[{"id":7},{"id":8}]"#),
                "POST /app/installations/8/access_tokens" => ("201 Created", r#"{"token":"ghs_other"}"#),
                "GET /installation/repositories?per_page=100&page=1" if authorization == "Bearer ghs_other" => (
                    "200 OK",
                    r#"{"repositories":[{"full_name":"me/x","default_branch":"trunk","private":false},{"full_name":"a b/c"}]}"#,
                ),
                "GET /installation/repositories?per_page=100&page=1" => ("200 OK", full.as_str()),
                "GET /installation/repositories?per_page=100&page=2" => ("200 OK", r#"{"repositories":[]}"#),
                "GET /repos/team/slow/installation" => ("500 Internal Server Error", "{}"),
                _ => ("404 Not Found", "{}"),
            };
            let _gone = write!(
                connection,
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{answer}",
                answer.len()
            );
        }
    });
    (port, seen)
}

#[tokio::test]
async fn apps_are_taken_over_and_their_tokens_read_one_repository() {
    let (port, seen) = serve();
    let loopback = Outbound::new(vec!["127.0.0.0/8".parse().unwrap()], None);
    let base = format!("http://127.0.0.1:{port}/");
    let api = GithubApi::new(loopback, &base);
    let app = api.convert("good").await.unwrap();
    assert_eq!((app.id, app.slug.as_str(), app.webhook_secret.as_str()), (42, "acme", "hush"));
    assert!(!format!("{app:?}").contains("hush"));
    assert!(matches!(api.convert("odd").await, Err(GithubError::Failed(_))));
    assert!(matches!(api.convert("unknown").await, Err(GithubError::Unknown)));
    let token = api.token("jwt", &Named { owner: "team", name: "shop" }, Right::Read).await.unwrap();
    assert_eq!(token.as_str(), "ghs_hush");
    let (asked, authorization, body) = seen.lock().unwrap().last().unwrap().clone();
    assert_eq!((asked.as_str(), authorization.as_str()), ("POST /app/installations/7/access_tokens", "Bearer jwt"));
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["repositories"], serde_json::json!(["shop"]));
    assert_eq!(body["permissions"], serde_json::json!({ "contents": "read" }));
    assert!(matches!(
        api.token("jwt", &Named { owner: "team", name: "other" }, Right::Read).await,
        Err(GithubError::Unknown)
    ));
    assert!(matches!(
        api.token("jwt", &Named { owner: "team", name: "slow" }, Right::Read).await,
        Err(GithubError::Failed(_))
    ));

    api.token("jwt", &Named { owner: "team", name: "shop" }, Right::Comment).await.unwrap();
    let body: serde_json::Value = serde_json::from_str(&seen.lock().unwrap().last().unwrap().2).unwrap();
    assert_eq!(body["permissions"], serde_json::json!({ "pull_requests": "write" }));

    let all = api.repositories("jwt").await.unwrap();
    assert!(all.complete);
    assert_eq!(all.items.len(), 101, "both places, all pages, and no name that is none");
    let last = all.items.last().unwrap();
    assert_eq!((last.name.as_str(), last.default_branch.as_str(), last.private), ("me/x", "trunk", false));
    let asked =
        seen.lock().unwrap().iter().rev().find(|(asked, ..)| asked.ends_with("access_tokens")).cloned().unwrap();
    assert_eq!(asked.2, r#"{"permissions":{"metadata":"read"}}"#);

    let inside = GithubApi::new(Outbound::default(), &base);
    assert!(matches!(inside.convert("good").await, Err(GithubError::Unreachable(_))));
}
