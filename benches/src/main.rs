//! Measures the program against what its parts could do at best, on one machine in one run: a figure alone says more
//! about the machine than about the program. `scripts/bench` builds and starts it.

mod bound;
mod busy;
mod canopy;
mod database;
mod deployment;
mod load;
mod report;
mod repository;
mod seed;
mod stage;

use canopy::Installation;
use database::Database;
use load::Target;
use report::Report;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// Each server is measured this often, in turns, so that a busy moment of the machine meets all of them.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // The bound is a process of its own, with a runtime like that of the program.
        ["bound", database] => run(tokio::runtime::Builder::new_multi_thread(), bound::serve(database)),
        ["deployment", program, site] => run(tokio::runtime::Builder::new_multi_thread(), async {
            deployment::compare(Path::new(program), Path::new(site)).await?;
            busy::measure(Path::new(program), Path::new(site)).await
        }),
        // One thread makes the load: it takes as little as possible from those that are measured.
        [program, site] => run(tokio::runtime::Builder::new_current_thread(), compare(program.into(), site.into())),
        _ => Err("scripts/bench starts this, as: bench PROGRAM SITE".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut runtime: tokio::runtime::Builder, work: impl Future<Output = Result<()>>) -> Result<()> {
    runtime.enable_all().build()?.block_on(work)
}

async fn compare(program: PathBuf, site: PathBuf) -> Result<()> {
    let mut databases = vec![Database::Sqlite];
    match std::env::var("CANOPY_TEST_POSTGRES") {
        Ok(server) => databases.push(Database::fresh_postgres(&server).await?),
        Err(_) => eprintln!("PostgreSQL is left out: CANOPY_TEST_POSTGRES names none"),
    }
    for database in databases {
        println!("{}", measure(&program, &site, &database).await?);
    }
    Ok(())
}

async fn measure(program: &Path, site: &Path, database: &Database) -> Result<Report> {
    let folder = tempfile::tempdir()?;
    let installation = Installation::new(program, site, folder.path(), database);
    let key = seed::account(&installation).await?;
    let canopy = installation.serve().await?;
    let cookie = seed::sow(&canopy, key).await?;
    canopy.stop().await?;

    // Started anew: what it holds now is what it needs, not what the seeding left behind.
    let canopy = installation.serve().await?;
    let list = Target::new(canopy.address, "/api/v1/projects.list").cookie(&cookie);
    let page = Target::new(canopy.address, "/projects").cookie(&cookie);
    page.once().await?;
    let idle_memory = canopy.resident_bytes()?;

    let bound = bound::Process::start(&database.url(folder.path())).await?;
    let rows = Target::new(bound.address, "/rows");
    let plain = Target::new(bound.address, "/projects").cookie(&cookie);
    let compressed = page.clone().compressed();
    database.settle().await?;
    let targets = [&list, &rows, &plain, &page, &compressed];
    for target in targets {
        target.measure(ROUND / 2).await?;
    }
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut round = Vec::new();
        for target in targets {
            round.push(target.measure(ROUND).await?);
        }
        rounds.push(round);
    }
    let of = |index: usize| rounds.iter().filter_map(|round| round.get(index).copied()).collect();
    let report = Report {
        database: database.name(),
        list: of(0),
        rows: of(1),
        plain: of(2),
        page: of(3),
        compressed: of(4),
        start: canopy.start_took,
        idle_memory,
        loaded_memory: canopy.resident_bytes()?,
    };
    canopy.stop().await?;
    Ok(report)
}
