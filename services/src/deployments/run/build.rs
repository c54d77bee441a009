//! Build: the source becomes an image on the server, which is recorded by its digest.

use super::super::{diagnosis, words};
use super::builder::{self, Builder};
use super::fetch::{Fetched, remove_folder};
use super::limits;
use super::pull;
use super::recipe::{Recipe, recipe};
use super::reuse::{self, Marks};
use super::work::{Halt, Work};
use crate::applications::config::Build;
use crate::deployments::diagnosis::{CLEAN_UP, Finding};
use crate::deployments::fingerprint::{Force, Ingredients};
use crate::registry_credentials;
use crate::servers::engine::{
    BuildRequest, BuildSecrets, EngineError, Image, LABEL_DEPLOYMENT, Output, OutputSink, STEP_CACHED,
};
use crate::servers::{cleanups, names};
use contract::deployments::Step;
use entity::deployment;
use sea_orm::sea_query::Expr;
use sha2::{Digest, Sha256};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

pub async fn build(work: &Work<'_>, source: Fetched) -> Result<Image, Halt> {
    work.enter(Step::Build).await?;
    let started = work.now();
    let mut marks = None;
    let (image, reference, cached) = match source {
        Fetched::Image(reference) => {
            let image = pull::present_or_pulled(work, &reference).await?;
            (image, reference.to_string(), None)
        }
        Fetched::Checkout(folder) => {
            let ingredients =
                Ingredients::of(&work.config, work.commit().await?.as_deref(), part_of_platform(work).await);
            let own = ingredients.as_ref().map(|all| Marks::of(all, &work.platform.keyring));
            let earlier = match (&own, work.force()) {
                (Some(marks), None) => reuse::find(work, marks).await?,
                _ => None,
            };
            if let Some((image, reference, number)) = earlier {
                tidy(work).await;
                return reuse::take(work, image, reference, number).await;
            }
            let no_cache =
                work.force() == Some(Force::WithoutCache) || reuse::secrets_changed(work, own.as_ref()).await?;
            marks = own;
            let (image, cached) = built(work, folder, no_cache).await?;
            (image, work.own_tag(), cached)
        }
    };
    tidy(work).await;
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
            .col_expr(deployment::Column::BuildFingerprint, Expr::value(marks.as_ref().map(|marks| marks.all.clone())))
            .col_expr(deployment::Column::BuildSecretsFingerprint, Expr::value(marks.map(|marks| marks.secrets)))
    })
    .await?;
    Ok(image)
}

/// The image holds all that is needed from here on.
async fn tidy(work: &Work<'_>) {
    if let Err(error) = remove_folder(&work.folder()).await {
        tracing::warn!(deployment = %work.id, %error, "a checkout was not removed");
    }
}

/// What the platform itself puts into an image.
async fn part_of_platform(work: &Work<'_>) -> String {
    let settings = &work.platform.settings;
    match &work.config.build {
        Build::Static { .. } => {
            let program = tokio::fs::read(&settings.static_server).await.unwrap_or_default();
            hex::encode(Sha256::digest(program))
        }
        Build::Nixpacks { .. } => settings.nixpacks_image.clone(),
        Build::Dockerfile { .. } | Build::None => String::new(),
    }
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

/// Cached steps, and all of them.
type Cached = Option<(u32, u32)>;

async fn built(work: &Work<'_>, checkout: PathBuf, no_cache: bool) -> Result<(Image, Cached), Halt> {
    let recipe = recipe(work, checkout).await?;
    let builder = builder::choose(work).await?;
    let built = async {
        builder::wait(work, &builder).await?;
        match on(work, &builder, recipe.clone(), no_cache).await {
            Err(Halt::Failed(finding)) if finding.place == Some(CLEAN_UP) && make_room(work, &builder).await => {
                on(work, &builder, recipe, no_cache).await
            }
            outcome => outcome,
        }
    };
    let built = built.await.map_err(|halt| match halt {
        Halt::Failed(finding) => Halt::Failed(finding.on(builder.server)),
        other => other,
    });
    builder::leave(work).await;
    let brought = match built {
        Ok((image, cached)) if builder.away => builder::bring(work, &builder, image).await.map(|image| (image, cached)),
        other => other,
    };
    builder::tidy(work, &builder).await;
    brought
}

/// Whether something went that nothing needs any more. The builder's cache stays: others may need it.
async fn make_room(work: &Work<'_>, builder: &Builder) -> bool {
    work.log.say(format!("The disk of {} is full: removing what nothing needs any more", builder.name));
    let limit = work.platform.settings.pace.call * 6;
    let room = cleanups::make_room(work.run, work.scope, builder.server);
    let removed = match tokio::time::timeout(limit, room).await {
        Ok(Ok(removed)) => removed,
        Ok(Err(error)) => {
            tracing::warn!(deployment = %work.id, %error, "a full disk was not cleaned up");
            0
        }
        Err(_) => 0,
    };
    let words = words::count(removed as u64, "image or container", "images and containers");
    work.log.say(if removed > 0 { format!("Removed {words}; building again") } else { "There was nothing".to_owned() });
    removed > 0
}

/// Runs the recipe there.
async fn on(work: &Work<'_>, builder: &Builder, recipe: Recipe, no_cache: bool) -> Result<(Image, Cached), Halt> {
    work.log.say(format!("Building on {}", builder.name));
    let info = work.engine_call(builder.engine.info(), diagnosis::engine).await?;
    let mut limits = limits::of_build(&info);
    limits.time = work.config.build_time_limit().unwrap_or(limits.time);
    let mut labels = names::image_labels(work.instance(), work.config.id);
    labels.insert(LABEL_DEPLOYMENT.to_owned(), work.id.to_string());
    let name = recipe.dockerfile.to_string();
    let logins = pull::logins(work).await?;
    let registries =
        logins.into_iter().map(|login| (login.host, (login.username, login.password.to_string()))).collect();
    let request = BuildRequest {
        tag: work.own_tag(),
        context: recipe.context,
        dockerfile: recipe.dockerfile,
        target: recipe.target,
        arguments: recipe.arguments,
        secrets: BuildSecrets { values: recipe.secrets, registries },
        guarded: registry_credentials::guarded(work.platform).await?,
        labels,
        no_cache,
        limits,
        limiter: Some(work.platform.settings.static_server.clone()).filter(|program| program.is_file()),
    };
    let heard = Heard::default();
    // The engine ends the build itself when told to stop, so that nothing of it stays.
    let outcome = builder.engine.build(request, heard.beside(work.log.sink()), &work.stop).await;
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
            // `[stage 2/5] RUN make`, which a base image alone is not.
            let is_step = |line: &&str| {
                let numbered = line.strip_prefix('[').and_then(|line| line.split_once(']'));
                numbered.is_some_and(|(number, what)| number.contains('/') && !what.starts_with(" FROM "))
            };
            for line in text.lines().filter(is_step) {
                counts.0 += u32::from(line.ends_with(STEP_CACHED));
                counts.1 += 1;
            }
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
