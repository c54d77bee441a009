//! How long pages take while the machine builds: twenty applications deployed at once on the two build slots of their
//! server, and a Dockerfile that makes processes without end. One reader asks as browsers do, and is measured alone
//! before and in between.

use crate::Result;
use crate::load::Target;
use crate::repository::Source;
use crate::seed;
use crate::stage::Stage;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const APPLICATIONS: usize = 20;
const WEB: &str = "FROM canopy-test/busybox:1\nCOPY version /www/index.html\nRUN busybox sha256sum /bin/busybox && sleep 1\n\
     CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";
/// Each process starts two more, until the build may not.
const BOMB: &str = "FROM canopy-test/busybox:1\nRUN printf '#!/bin/sh\\n/b & /b & wait\\n' > /b && chmod +x /b && \
     timeout 20 /b; exit 1\n";

pub async fn measure(program: &Path, site: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut stage = Stage::new(program, site, folder.path()).await?;
    let cookie = seed::sign_in(&mut stage.calls).await?;
    let page = Target::new(stage.canopy.address, "/projects").cookie(&cookie);
    let bomb = Source::serve(&folder.path().join("bomb"), BOMB).await?;
    bomb.commit(1).await?;
    // Each its own, so that none finds another's layers.
    let mut webs = Vec::new();
    for number in 1..=APPLICATIONS {
        let web = Source::serve(&folder.path().join(format!("web-{number}")), WEB).await?;
        web.commit(number).await?;
        webs.push(web);
    }

    let (quiet, ()) = while_doing(&page, async {
        // Its first tick comes at once.
        let mut quiet = tokio::time::interval(Duration::from_secs(5));
        quiet.tick().await;
        quiet.tick().await;
        Ok(())
    })
    .await?;
    println!("pages, nothing else going on: {}", words(quiet));

    let (busy, took) = while_doing(&page, async {
        let started = Instant::now();
        let (mut applications, mut deployments) = (Vec::new(), Vec::new());
        for (number, web) in webs.iter().enumerate() {
            applications.push(stage.application(&format!("web-{number}"), &web.url).await?);
        }
        for application in &applications {
            deployments.push(stage.deploy(application).await?);
        }
        for deployment in &deployments {
            let ended = stage.ended(deployment).await?;
            if ended["status"] != "succeeded" {
                return Err(format!("a deployment ended so: {ended:#}").into());
            }
        }
        for application in &applications {
            stage.delete(application).await?;
        }
        Ok(started.elapsed())
    })
    .await?;
    println!("pages, while {APPLICATIONS} deploy at once ({:.0} s): {}", took.as_secs_f64(), words(busy));

    let (bombed, ended) = while_doing(&page, async {
        let application = stage.application("bomb", &bomb.url).await?;
        let deployment = stage.deploy(&application).await?;
        let ended = stage.ended(&deployment).await?;
        stage.delete(&application).await?;
        Ok(ended)
    })
    .await?;
    println!("pages, while a build makes processes without end (it {}): {}", ended["status"], words(bombed));
    stage.canopy.stop().await
}

/// The times of all pages asked for until the work is done, shortest first; and what it gave.
async fn while_doing<T>(page: &Target, work: impl Future<Output = Result<T>>) -> Result<(Vec<Duration>, T)> {
    let (done, until) = oneshot::channel::<()>();
    let reader = tokio::spawn({
        let page = page.clone();
        async move { page.steadily(until).await }
    });
    let given = work.await?;
    drop(done);
    Ok((reader.await??, given))
}

fn words(times: Vec<Duration>) -> String {
    let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default().as_secs_f64() * 1000.0;
    let longest = times.last().copied().unwrap_or_default().as_secs_f64() * 1000.0;
    format!("{:.1} ms p50, {:.1} ms p95, {longest:.1} ms at most, of {}", at(50), at(95), times.len())
}
