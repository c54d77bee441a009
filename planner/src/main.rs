//! Finds out how a folder of source is built, with Nixpacks, and prints that as JSON. It is a program of its own because
//! it reads foreign source with foreign code: the platform gives it a copy without ways out, an empty environment and a
//! time limit, and it limits itself before it looks.

use nixpacks::nixpacks::app::App;
use nixpacks::nixpacks::environment::Environment;
use nixpacks::nixpacks::nix::{create_nix_expressions_for_phases, nix_file_names_for_phases, setup_files_for_phases};
use nixpacks::nixpacks::plan::generator::{GeneratePlanOptions, NixpacksBuildPlanGenerator};
use nixpacks::nixpacks::plan::{BuildPlan, PlanGenerator};
use rustix::process::{Resource, Rlimit, setrlimit};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Read;
use std::process::ExitCode;

const MEMORY: u64 = 1 << 30;
const SECONDS: u64 = 20;

fn main() -> ExitCode {
    match plan() {
        Ok(plan) => {
            println!("{plan}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// The folder is the first argument; variables come as JSON on the standard input, where nobody else sees them.
fn plan() -> Result<Value, String> {
    limit()?;
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let mut input = String::new();
    std::io::stdin().read_to_string(&mut input).map_err(|error| error.to_string())?;
    let variables: BTreeMap<String, String> = serde_json::from_str(&input).map_err(|error| error.to_string())?;
    let app = App::new(&folder).map_err(|error| format!("{error:#}"))?;
    let environment = Environment::new(variables);
    let mut generator = NixpacksBuildPlanGenerator::new(nixpacks::get_providers(), GeneratePlanOptions::default());
    let failed = |error: &dyn std::fmt::Display| format!("{error:#}");
    let providers = generator.get_plan_providers(&app, &environment).map_err(|error| failed(&error))?;
    let (plan, _) = generator.generate_plan(&app, &environment).map_err(|error| failed(&error))?;
    describe(&plan, &providers)
}

/// Nothing is written, and what goes astray ends by itself.
fn limit() -> Result<(), String> {
    for (resource, most) in [(Resource::As, MEMORY), (Resource::Cpu, SECONDS), (Resource::Fsize, 0), (Resource::Core, 0)] {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| format!("a limit cannot be set: {error}"))?;
    }
    Ok(())
}

fn describe(plan: &BuildPlan, providers: &[String]) -> Result<Value, String> {
    let all = plan.phases.clone().unwrap_or_default();
    let sorted = plan.get_sorted_phases().map_err(|error| error.to_string())?;
    let phases: Vec<Value> = sorted
        .iter()
        .map(|phase| {
            json!({
                "name": phase.get_name(),
                "commands": phase.cmds.clone().unwrap_or_default(),
                "paths": phase.paths.clone().unwrap_or_default(),
                "files": phase.only_include_files,
                "caches": phase.cache_directories.clone().unwrap_or_default(),
                "packages": phase.apt_pkgs.clone().unwrap_or_default(),
            })
        })
        .collect();
    let start = plan.start_phase.clone().unwrap_or_default();
    let expressions = create_nix_expressions_for_phases(&all);
    // Those that are installed: an expression without a phase that uses it is none.
    let nix: BTreeMap<String, String> = nix_file_names_for_phases(&all)
        .into_iter()
        .filter_map(|name| Some((name.clone(), expressions.get(&name)?.clone())))
        .collect();
    Ok(json!({
        "providers": providers,
        "image": plan.build_image,
        "variables": plan.variables.clone().unwrap_or_default(),
        "phases": phases,
        "nix": nix,
        "setup_files": setup_files_for_phases(&all),
        "assets": plan.static_assets.clone().unwrap_or_default(),
        "start": {
            "command": start.cmd,
            "image": start.run_image,
            "files": start.only_include_files,
            "user": start.user,
        },
    }))
}
