//! What a deployment takes beside what the same work takes by hand: `git clone`, `docker build`, `docker run`, and asking
//! until it answers. In turns on one machine; each time with a new commit, so that both build.

use crate::Result;
use crate::repository::Source;
use crate::stage::Stage;
use std::path::Path;
use std::time::{Duration, Instant};

const ROUNDS: usize = 5;
/// A build as short as builds are: what is added to it shows most.
const DOCKERFILE: &str = "FROM canopy-test/busybox:1\nCOPY version /www/index.html\nRUN sleep 2\n\
     CMD [\"busybox\", \"httpd\", \"-f\", \"-p\", \"8080\", \"-h\", \"/www\"]\n";

pub async fn compare(program: &Path, site: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let source = Source::serve(folder.path(), DOCKERFILE).await?;
    source.commit(0).await?;
    let mut stage = Stage::new(program, site, folder.path()).await?;
    let (mut by_hand, mut deployed) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        source.commit(round).await?;
        by_hand.push(source.by_hand(folder.path(), round).await?);
        // A further change, so that neither has the other's layers.
        source.commit(round + 1000).await?;
        let application = stage.application(&format!("web-{round}"), &source.url).await?;
        let started = Instant::now();
        let deployment = stage.deploy(&application).await?;
        let ended = stage.ended(&deployment).await?;
        if ended["status"] != "succeeded" {
            return Err(format!("a deployment ended so: {ended:#}").into());
        }
        deployed.push(started.elapsed());
        stage.delete(&application).await?;
    }
    let (by_hand, deployed) = (median(by_hand), median(deployed));
    println!(
        "deployment: {:.2} s; by hand: {:.2} s; {:.2} s more, {:.2} times (medians of {ROUNDS})",
        deployed.as_secs_f64(),
        by_hand.as_secs_f64(),
        deployed.as_secs_f64() - by_hand.as_secs_f64(),
        deployed.as_secs_f64() / by_hand.as_secs_f64(),
    );
    stage.calls.call("projects.list", serde_json::json!({})).await?;
    stage.canopy.stop().await
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
