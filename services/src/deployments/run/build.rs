//! Build: the source becomes an image on the server, which is recorded by its digest.

use super::super::{diagnosis, words};
use super::fetch::{Fetched, remove_folder};
use super::site;
use super::work::{Halt, Work};
use crate::applications::config::Build;
use crate::deployments::diagnosis::Finding;
use crate::servers::engine::{BuildRequest, EngineError, Image, LABEL_DEPLOYMENT, Output, OutputSink};
use crate::servers::names;
use crate::values::{ImageReference, RelativePath};
use contract::deployments::Step;
use entity::deployment;
use sea_orm::sea_query::Expr;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const MEMORY: u64 = 2 * 1024 * 1024 * 1024;
const CPU_MILLIS: u32 = 2000;
const TIME_LIMIT: Duration = Duration::from_secs(30 * 60);

pub async fn build(work: &Work<'_>, source: Fetched) -> Result<Image, Halt> {
    work.enter(Step::Build).await?;
    let started = work.now();
    let (image, reference, cached) = match source {
        Fetched::Image(reference) => {
            let image = present_or_pulled(work, &reference).await?;
            (image, reference.to_string(), None)
        }
        Fetched::Checkout(folder) => {
            let (image, cached) = built(work, folder).await?;
            (image, work.own_tag(), cached)
        }
    };
    // The image holds all that is needed from here on.
    if let Err(error) = remove_folder(&work.folder()).await {
        tracing::warn!(deployment = %work.id, %error, "a checkout was not removed");
    }
    let size = words::size(image.size_bytes);
    work.log.say(format!(
        "Image sha256:{}…, {size}, {}",
        words::short(&image.digest),
        words::time(started, work.now())
    ));
    work.note(match cached {
        Some((cached, steps)) if cached > 0 => format!("Image {size}, cache used for {cached} of {steps}"),
        _ => format!("Image {size}"),
    });
    let digest = image.digest.clone();
    work.save(|update| {
        update
            .col_expr(deployment::Column::ImageDigest, Expr::value(digest))
            .col_expr(deployment::Column::ImageTag, Expr::value(reference))
    })
    .await?;
    Ok(image)
}

/// The image of the deployment that this one goes back to.
pub async fn find_earlier(work: &Work<'_>, digest: &str) -> Result<Image, Halt> {
    work.go_on()?;
    let image = work.engine_call(work.engine.image(digest), diagnosis::engine).await?;
    let image = image.ok_or_else(|| {
        Finding::new(
            "The image of the deployment to go back to is no longer on the server.",
            "Choose a newer deployment, or deploy its commit again.",
        )
    })?;
    work.log.say(format!("Going back to image sha256:{}…, nothing to build", words::short(&image.digest)));
    Ok(image)
}

async fn present_or_pulled(work: &Work<'_>, reference: &ImageReference) -> Result<Image, Halt> {
    let finding = |error: &EngineError| diagnosis::image(error, reference.as_str());
    if let Some(image) = work.engine_call(work.engine.image(reference.as_str()), finding).await? {
        work.log.say(format!("{reference} is on the server already"));
        return Ok(image);
    }
    work.log.say(format!("Pulling {reference}"));
    let call = work.engine.pull(reference, work.log.sink(), &work.stop);
    match tokio::time::timeout(TIME_LIMIT, work.engine_call(call, finding)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(finding(&EngineError::TimedOut(TIME_LIMIT)).into()),
    }
}

/// Cached steps, and all of them.
type Cached = Option<(u32, u32)>;

async fn built(work: &Work<'_>, checkout: PathBuf) -> Result<(Image, Cached), Halt> {
    let (context, dockerfile, target, arguments) = match &work.config.build {
        Build::Static { publish_directory } => {
            let context = work.folder().join("context");
            let program = work.platform.settings.static_server.clone();
            site::prepare(&checkout, publish_directory, &context, &program, work.config.port).await?;
            work.log.say(format!("Static site from {publish_directory}, served by the platform's file server"));
            (context, site::dockerfile_name()?, None, BTreeMap::new())
        }
        Build::Dockerfile { path, target } => {
            check_dockerfile(&checkout, path).await?;
            let stage = target.as_ref().map(|target| format!(", target {target}")).unwrap_or_default();
            work.log.say(format!("{path}{stage}, on {}", work.config.server_name));
            (checkout, path.clone(), target.clone(), work.config.build_arguments())
        }
        Build::None => {
            check_dockerfile(&checkout, &site::dockerfile_name()?).await?;
            (checkout, site::dockerfile_name()?, None, work.config.build_arguments())
        }
    };
    let mut labels = names::image_labels(work.instance(), work.config.id);
    labels.insert(LABEL_DEPLOYMENT.to_owned(), work.id.to_string());
    let name = dockerfile.to_string();
    let request = BuildRequest {
        tag: work.own_tag(),
        context,
        dockerfile,
        target,
        arguments,
        labels,
        memory_bytes: MEMORY,
        cpu_millis: CPU_MILLIS,
        time_limit: TIME_LIMIT,
    };
    let heard = Heard::default();
    // The engine ends the build itself when told to stop, so that nothing of it stays.
    let outcome = work.engine.build(request, heard.beside(work.log.sink()), &work.stop).await;
    work.go_on()?;
    let image = outcome.map_err(|error| match error {
        EngineError::Cancelled => Halt::Stopped,
        error => {
            work.log.say(error.to_string());
            diagnosis::build(&error, &name, &heard.end()).into()
        }
    })?;
    Ok((image, heard.cached()))
}

/// The file is there, and inside the checkout wherever links lead.
async fn check_dockerfile(checkout: &Path, path: &RelativePath) -> Result<(), Halt> {
    let missing = || {
        Finding::new(
            format!("There is no {path} in the repository."),
            "Add it, correct its path in the settings (upper and lower case count), or choose the static build.",
        )
    };
    let root = tokio::fs::canonicalize(checkout).await.map_err(|_| missing())?;
    let file = tokio::fs::canonicalize(checkout.join(path.as_str())).await.map_err(|_| missing())?;
    if !file.starts_with(&root) {
        return Err(Finding::new(
            format!("{path} leads out of the repository."),
            "Replace the link by the file itself.",
        )
        .into());
    }
    if !file.is_file() {
        return Err(missing().into());
    }
    Ok(())
}

/// The end of a build's output, for the diagnosis, and how much came from the cache.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<u8>>>, Arc<Mutex<(u32, u32)>>);

const END: usize = 8 * 1024;

impl Heard {
    fn beside(&self, sink: OutputSink) -> OutputSink {
        let heard = self.clone();
        Arc::new(move |output: Output| {
            heard.hear(&output.bytes);
            sink(output);
        })
    }

    fn hear(&self, bytes: &[u8]) {
        {
            let text = String::from_utf8_lossy(bytes);
            let mut counts = self.1.lock().unwrap_or_else(PoisonError::into_inner);
            counts.0 += u32::try_from(text.matches("Using cache").count()).unwrap_or(0);
            let steps = text
                .lines()
                .filter_map(|line| line.strip_prefix("Step ")?.split_once(" : ")?.0.split_once('/')?.1.parse().ok());
            counts.1 = steps.max().unwrap_or(0).max(counts.1);
        }
        let mut end = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        end.extend_from_slice(bytes);
        if end.len() > 2 * END {
            let cut = end.len() - END;
            end.drain(..cut);
        }
    }

    fn end(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn cached(&self) -> Cached {
        let counts = *self.1.lock().unwrap_or_else(PoisonError::into_inner);
        (counts.1 > 0).then_some(counts)
    }
}
