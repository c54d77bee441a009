//! Writes the style sheet of the whole program and the class constants; see `sheet.rs` for the rules it enforces.

use std::path::Path;
use std::{env, fs};

mod sheet;

/// These come first, unscoped, each in a layer of its own.
const UNSCOPED: [&str; 2] = ["reset", "tokens"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let home = env::var("CARGO_MANIFEST_DIR")?;
    let folder = Path::new(&home).join("css");
    println!("cargo::rerun-if-changed=css");
    println!("cargo::rerun-if-changed=sheet.rs");

    let mut files = Vec::new();
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if path.extension().is_some_and(|extension| extension == "css") {
            println!("cargo::rerun-if-changed={}", path.display());
            files.push((name.to_owned(), fs::read_to_string(&path)?));
        }
    }
    files.sort();

    let mut css = String::from("@layer reset, tokens, components, brand;\n");
    for layer in UNSCOPED {
        let (_, source) = files.iter().find(|(name, _)| name == layer).ok_or("reset.css or tokens.css is missing")?;
        if layer != "tokens" {
            sheet::refuse_raw_colours(layer, source)?;
        }
        css.push_str(&format!("@layer {layer} {{\n{}\n}}\n", sheet::squeeze(source)));
    }

    let components: Vec<_> = files.iter().filter(|(name, _)| !UNSCOPED.contains(&name.as_str())).collect();
    let mut constants = String::new();
    css.push_str("@layer components {\n");
    for (name, source) in &components {
        let component = sheet::compile(name, source)?;
        css.push_str(&component.css);
        css.push('\n');
        constants.push_str(&component.constants());
    }
    css.push_str("}\n");
    sheet::refuse_same_names(components.iter().map(|(name, _)| name.as_str()))?;

    let out = env::var("OUT_DIR")?;
    fs::write(Path::new(&out).join("classes.rs"), constants)?;
    // The one place that the server and trunk read the sheet from, whatever the target folder of this build is.
    let target = Path::new(&home).join("../target/css");
    fs::create_dir_all(&target)?;
    let sheet = target.join("canopy.css");
    if fs::read_to_string(&sheet).ok().as_deref() != Some(css.as_str()) {
        fs::write(&sheet, css)?;
    }
    // Watched so that a cleaned target folder gets its sheet back.
    println!("cargo::rerun-if-changed={}", sheet.display());
    Ok(())
}
