//! What the site answers. Rules beyond handing out files:
//!
//! - Names that begin with a dot do not exist, except `.well-known`: a repository's `.git` or `.env` that
//!   slipped into the published folder stays private.
//! - `/about` is `about.html` when there is no file `about`.
//! - A page that is missing is the site's own `404.html`, with status 404; a single-page application's is its
//!   `index.html`, except where a file was meant: a script that is gone must not be answered with a page.
//! - Freshness is judged by content, never by file times: a rollback publishes *older* files, and a
//!   browser that compared dates would keep showing the newer ones. One tag covers the whole site. Only a
//!   file whose name holds a hash of its content is never asked for again.

use crate::options::Options;
use std::borrow::Cow;
use std::convert::Infallible;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use tower::{ServiceExt, service_fn};
use tower_http::compression::CompressionLayer;
use tower_http::services::{ServeDir, ServeFile};

/// A year, which stands for ever.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

struct Site {
    folder: PathBuf,
    tag: HeaderValue,
    options: Options,
}

/// Everything the site in `folder` answers; fails when the folder cannot be read.
pub fn router(folder: &Path, options: Options) -> io::Result<Router> {
    let mut hasher = DefaultHasher::new();
    digest(folder, &mut hasher)?;
    let tag = HeaderValue::try_from(format!("W/\"{:016x}\"", hasher.finish())).map_err(io::Error::other)?;

    let site = Arc::new(Site { folder: folder.to_owned(), tag, options });
    let asked = site.clone();
    let missing = service_fn(move |request: Request| {
        let site = asked.clone();
        async move { site.missing(request).await }
    });
    Ok(Router::new()
        // Not as what is not found: what stands in brings its own status.
        .fallback_service(ServeDir::new(folder).fallback(missing))
        .layer(from_fn_with_state(site, fresh))
        .layer(CompressionLayer::new()))
}

impl Site {
    /// There is no such file.
    async fn missing(&self, mut request: Request) -> Result<Response, Infallible> {
        if let Some(page) = self.page(request.uri().path()) {
            return ServeFile::new(page).oneshot(request).await.map(IntoResponse::into_response);
        }
        let index = self.folder.join("index.html");
        if self.options.single_page && !names_a_file(request.uri().path()) && index.is_file() {
            return ServeFile::new(index).oneshot(request).await.map(IntoResponse::into_response);
        }
        let page = self.folder.join("404.html");
        if !page.is_file() {
            return Ok((StatusCode::NOT_FOUND, "Not found\n").into_response());
        }
        // The whole page, whatever part of the missing one was asked for.
        request.headers_mut().remove(header::RANGE);
        let mut response = ServeFile::new(page).oneshot(request).await.map(IntoResponse::into_response)?;
        *response.status_mut() = StatusCode::NOT_FOUND;
        Ok(response)
    }

    /// `about.html` for `/about`.
    fn page(&self, path: &str) -> Option<PathBuf> {
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        let name = decoded.strip_prefix('/')?;
        let plain = !name.is_empty()
            && name.split('/').all(|part| !part.is_empty() && part != ".." && part != "." && !part.contains('\\'));
        let page = self.folder.join(format!("{name}.html"));
        (plain && page.is_file()).then_some(page)
    }
}

/// The last part of the path has an ending, as files do.
fn names_a_file(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.contains('.'))
}

/// `app.3f9a81c2.js`, `index-DqW3kX9f.js`: what bundlers make of a file's content. Eight characters or more behind a dot
/// or dash, with a digit among them; words have none.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some((stem, ending)) = name.rsplit_once('.') else { return false };
    let Some((before, hash)) = stem.rsplit_once(['.', '-']) else { return false };
    let may_be_hash = |hash: &str| {
        hash.len() >= 8
            && hash.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && hash.bytes().any(|byte| byte.is_ascii_digit())
            && hash.bytes().any(|byte| byte.is_ascii_alphabetic())
    };
    !before.is_empty() && ending != "html" && may_be_hash(hash)
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

/// Hides dot names, answers 304 to a browser that already holds this very site, and adds the site's own headers.
async fn fresh(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    if is_hidden(&path) {
        return (StatusCode::NOT_FOUND, "Not found\n").into_response();
    }
    let held = holds(request.headers(), &site.tag) && matches!(*request.method(), Method::GET | Method::HEAD);
    request.headers_mut().remove(header::IF_MODIFIED_SINCE);
    request.headers_mut().remove(header::IF_UNMODIFIED_SINCE);

    let mut response = next.run(request).await;
    response.headers_mut().remove(header::LAST_MODIFIED);
    if response.status().is_success() {
        let caching = if is_hashed(&path) { IMMUTABLE } else { HeaderValue::from_static("no-cache") };
        response.headers_mut().insert(header::ETAG, site.tag.clone());
        response.headers_mut().insert(header::CACHE_CONTROL, caching);
        if held {
            response = (StatusCode::NOT_MODIFIED, [(header::ETAG, site.tag.clone())]).into_response();
        }
    }
    for own in site.options.headers.iter().filter(|own| own.fits(&path)) {
        response.headers_mut().insert(own.name.clone(), own.value.clone());
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
        site_with(files, "")
    }

    fn site_with(files: &[(&str, &str)], options: &str) -> (tempfile::TempDir, Router) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        // Beside the site, as in an image.
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), options).unwrap();
        let router = router(folder.path(), crate::options::read(file.path()).unwrap()).unwrap();
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

    #[tokio::test]
    async fn a_page_is_found_without_its_ending() {
        let (_folder, router) = site(&[("about.html", "about"), ("docs/a.html", "a"), ("docs/a b.html", "a b")]);
        assert_eq!(ask(&router, "GET", "/about", &[]).await.2, "about");
        assert_eq!(ask(&router, "GET", "/about.html", &[]).await.2, "about");
        assert_eq!(ask(&router, "GET", "/docs/a", &[]).await.2, "a");
        assert_eq!(ask(&router, "GET", "/docs/a%20b", &[]).await.2, "a b");
        for path in ["/docs/../about", "/docs/%2e%2e/about", "/docs%2f..%2fabout", "/about/"] {
            assert_eq!(ask(&router, "GET", path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }

    #[tokio::test]
    async fn a_single_page_application_answers_its_own_paths() {
        let files = [("index.html", "home"), ("about.html", "about"), ("404.html", "lost")];
        let (_folder, router) = site_with(&files, "single-page\n");
        let (status, headers, body) = ask(&router, "GET", "/orders/42", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, "home"));
        assert_eq!(headers[header::CACHE_CONTROL], "no-cache");
        assert_eq!(ask(&router, "GET", "/about", &[]).await.2, "about");
        let (status, _, body) = ask(&router, "GET", "/assets/gone.js", &[]).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_FOUND, "lost"));
        assert_eq!(ask(&router, "GET", "/.env", &[]).await.0, StatusCode::NOT_FOUND);
        assert_eq!(ask(&router, "POST", "/orders/42", &[]).await.0, StatusCode::METHOD_NOT_ALLOWED);
    }

    #[tokio::test]
    async fn own_headers_are_sent_where_they_fit() {
        let options = "header /* x-frame-options: DENY\nheader /fonts/* cache-control: public, max-age=60\n";
        let (_folder, router) = site_with(&[("index.html", "home"), ("fonts/a.woff2", "font")], options);
        let (_, headers, _) = ask(&router, "GET", "/", &[]).await;
        assert_eq!(
            (&headers["x-frame-options"], &headers[header::CACHE_CONTROL]),
            (&"DENY".parse().unwrap(), &"no-cache".parse().unwrap())
        );
        let (_, headers, _) = ask(&router, "GET", "/fonts/a.woff2", &[]).await;
        assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=60");
        let (status, headers, _) = ask(&router, "GET", "/nothing", &[]).await;
        assert_eq!((status, &headers["x-frame-options"]), (StatusCode::NOT_FOUND, &"DENY".parse().unwrap()));
    }

    #[tokio::test]
    async fn hashed_names_are_kept_for_ever() {
        let (_folder, router) =
            site(&[("assets/index-DqW3kX9f.js", "x"), ("app.3f9a81c2.css", "y"), ("index.html", "z")]);
        for path in ["/assets/index-DqW3kX9f.js", "/app.3f9a81c2.css"] {
            assert_eq!(ask(&router, "GET", path, &[]).await.1[header::CACHE_CONTROL], IMMUTABLE, "{path}");
        }
        for name in
            ["main.js", "jquery-plugins.js", "report-20261122.csv", "a.min.js", "page.3f9a81c2.html", "3f9a81c2.js"]
        {
            assert!(!is_hashed(name), "{name}");
        }
    }
}
