//! What the site answers. Three rules beyond handing out files:
//!
//! - Names that begin with a dot do not exist, except `.well-known`: a repository's `.git` or `.env` that
//!   slipped into the published folder stays private.
//! - A page that is missing is the site's own `404.html`, with status 404.
//! - Freshness is judged by content, never by file times: a rollback publishes *older* files, and a
//!   browser that compared dates would keep showing the newer ones. One tag covers the whole site.

use std::borrow::Cow;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::path::Path;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower::{ServiceExt, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};

/// Everything the site in `folder` answers; fails when the folder cannot be read.
pub fn router(folder: &Path) -> io::Result<Router> {
    let mut hasher = DefaultHasher::new();
    digest(folder, &mut hasher)?;
    let tag = HeaderValue::try_from(format!("W/\"{:016x}\"", hasher.finish())).map_err(io::Error::other)?;

    let page = folder.join("404.html");
    let missing = service_fn(move |request: Request| {
        let page = page.clone();
        async move {
            if page.is_file() {
                ServeFile::new(page).oneshot(request).await.map(IntoResponse::into_response)
            } else {
                Ok((StatusCode::NOT_FOUND, "Not found\n").into_response())
            }
        }
    });
    Ok(Router::new()
        .fallback_service(ServeDir::new(folder).not_found_service(missing))
        .layer(from_fn_with_state(tag, fresh))
        .layer(CompressionLayer::new()))
}

/// Feeds names and contents of every file into the hasher, in an order that does not depend on the disk.
fn digest(folder: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut buffer = vec![0; 64 * 1024];
    for entry in entries {
        hasher.write(entry.file_name().as_encoded_bytes());
        hasher.write_u8(0);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            digest(&entry.path(), hasher)?;
        } else if kind.is_symlink() {
            hasher.write(fs::read_link(entry.path())?.as_os_str().as_encoded_bytes());
        } else if kind.is_file() {
            let mut file = fs::File::open(entry.path())?;
            loop {
                match file.read(&mut buffer)? {
                    0 => break,
                    read => hasher.write(&buffer[..read]),
                }
            }
        }
        hasher.write_u8(0xff);
    }
    Ok(())
}

/// Hides dot names, and answers 304 to a browser that already holds this very site.
async fn fresh(State(tag): State<HeaderValue>, mut request: Request, next: Next) -> Response {
    if is_hidden(request.uri().path()) {
        return (StatusCode::NOT_FOUND, "Not found\n").into_response();
    }
    let held = holds(request.headers(), &tag) && matches!(*request.method(), Method::GET | Method::HEAD);
    request.headers_mut().remove(header::IF_MODIFIED_SINCE);
    request.headers_mut().remove(header::IF_UNMODIFIED_SINCE);

    let mut response = next.run(request).await;
    response.headers_mut().remove(header::LAST_MODIFIED);
    if response.status().is_success() {
        response.headers_mut().insert(header::ETAG, tag.clone());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if held {
            return (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response();
        }
    }
    response
}

/// Judged as the files' server reads it: it decodes the path first, so a slash may come encoded too.
fn is_hidden(path: &str) -> bool {
    let decoded: Cow<[u8]> = percent_decode_str(path).into();
    decoded.split(|byte| *byte == b'/').any(|name| name.starts_with(b".") && name != b".well-known")
}

fn holds(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|list| list.split(',').any(|held| held.trim().as_bytes() == tag.as_bytes() || held.trim() == "*"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use http_body_util::BodyExt;

    fn site(files: &[(&str, &str)]) -> (tempfile::TempDir, Router) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let router = router(folder.path()).unwrap();
        (folder, router)
    }

    async fn ask(
        router: &Router,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (StatusCode, HeaderMap, String) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status, parts.headers, String::from_utf8_lossy(&bytes).into_owned())
    }

    #[tokio::test]
    async fn a_folder_answers_with_its_index() {
        let (_folder, router) = site(&[("index.html", "home"), ("docs/index.html", "docs")]);
        let (status, headers, body) = ask(&router, "GET", "/", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "home"));
        assert_eq!(headers[header::CONTENT_TYPE], "text/html");
        assert_eq!(ask(&router, "GET", "/docs/", &[]).await.2, "docs");
        assert!(ask(&router, "GET", "/docs", &[]).await.0.is_redirection());
    }

    #[tokio::test]
    async fn a_missing_page_is_the_sites_own_with_status_404() {
        let (_folder, router) = site(&[("index.html", "home"), ("404.html", "lost")]);
        let (status, _, body) = ask(&router, "GET", "/nothing", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, "lost"));
        let (_folder, router) = site(&[("index.html", "home")]);
        assert_eq!(ask(&router, "GET", "/nothing", &[]).await.0, StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn dot_names_and_parents_do_not_exist() {
        let (_folder, router) =
            site(&[(".git/config", "secret"), (".env", "secret"), (".well-known/a", "open"), ("i/.x", "secret")]);
        for path in [
            "/.git/config",
            "/.env",
            "/%2egit/config",
            "/%2Eenv",
            "/i/.x",
            "/i%2f.x",
            "/i%2F%2ex",
            "/../etc/passwd",
            "/%2e%2e/etc/passwd",
            "/..%2fetc/passwd",
        ] {
            let (status, _, body) = ask(&router, "GET", path, &[]).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
            assert!(!body.contains("secret"), "{path}");
        }
        assert_eq!(ask(&router, "GET", "/.well-known/a", &[]).await.2, "open");
    }

    #[tokio::test]
    async fn only_reading_is_allowed() {
        let (_folder, router) = site(&[("index.html", "home")]);
        assert_eq!(ask(&router, "POST", "/", &[]).await.0, StatusCode::METHOD_NOT_ALLOWED);
        let (status, _, body) = ask(&router, "HEAD", "/", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, ""));
    }

    #[tokio::test]
    async fn a_browser_that_holds_this_site_is_not_sent_it_again() {
        let (_folder, router) = site(&[("index.html", "home")]);
        let tag = ask(&router, "GET", "/", &[]).await.1[header::ETAG].to_str().unwrap().to_owned();
        assert_eq!(ask(&router, "GET", "/", &[("if-none-match", &tag)]).await.0, StatusCode::NOT_MODIFIED);

        // A rollback: other content, whatever the date says.
        let (_folder, older) = site(&[("index.html", "hom2")]);
        let later = "Fri, 31 Dec 2100 23:59:59 GMT";
        let (status, _, body) = ask(&older, "GET", "/", &[("if-none-match", &tag), ("if-modified-since", later)]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "hom2"));
        assert_eq!(ask(&older, "GET", "/", &[("if-modified-since", later)]).await.0, StatusCode::OK);
    }

    #[tokio::test]
    async fn text_is_compressed_for_those_who_ask() {
        let (_folder, router) = site(&[("index.html", &"home ".repeat(1000))]);
        let (_, headers, _) = ask(&router, "GET", "/", &[("accept-encoding", "gzip")]).await;
        assert_eq!(headers[header::CONTENT_ENCODING], "gzip");
    }
}
