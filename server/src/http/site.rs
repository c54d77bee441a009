//! The browser bundle: files with hashed names that never change, compressed when they were built.

use super::App;
use app::shell::Assets;
use axum::Router;
use axum::http::{HeaderValue, header};
use std::path::{Path, PathBuf};
use tower::ServiceBuilder;
use tower_http::services::ServeDir;
use tower_http::set_header::SetResponseHeaderLayer;

pub struct Site {
    folder: PathBuf,
    pub assets: Assets,
}

impl Site {
    /// Reads which files the bundle's index names. Without a bundle pages are plain HTML, which still works.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let index = folder.join("index.html");
        let html = std::fs::read_to_string(&index).map_err(|error| {
            format!(
                "the browser bundle {} cannot be read: {error}. Build it with ./run, or set CANOPY_SITE to its folder.",
                index.display()
            )
        })?;
        let find = |ending: &str| {
            html.split(['"', '\''])
                .find(|part| part.starts_with('/') && part.ends_with(ending))
                .map(str::to_owned)
                .ok_or_else(|| {
                    format!("{} names no {ending} file: build the bundle again with ./run.", index.display())
                })
        };
        Ok(Self {
            folder: folder.to_owned(),
            assets: Assets { css: find(".css")?, js: find(".js")?, wasm: find(".wasm")? },
        })
    }
}

pub fn routes(app: &App) -> Router<App> {
    let mut routes = Router::new();
    let Ok(entries) = std::fs::read_dir(&app.site.folder) else { return routes };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == "index.html" || name.ends_with(".br") || name.ends_with(".gz") {
            continue;
        }
        let path = format!("/{name}");
        // Names with a hash in them are for ever, as is the folder of the program; the others are asked for again after a day.
        let hashed = app.site.assets.css == path || app.site.assets.js.starts_with(&format!("{path}/"));
        let lifetime = if hashed { "public, max-age=31536000, immutable" } else { "public, max-age=86400" };
        let service = ServiceBuilder::new()
            .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, HeaderValue::from_static(lifetime)))
            .service(ServeDir::new(&app.site.folder).precompressed_br().precompressed_gzip());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let route = if is_folder { format!("{path}/{{*file}}") } else { path };
        routes = routes.route_service(&route, service);
    }
    routes
}
