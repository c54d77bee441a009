//! An application's variables as the text of a `.env` file: many are set at once, and all that may be read are written out.

use super::config::Audience;
use super::resolved::{self, Purpose};
use super::variables::{Wanted, check_builds, find, owner, place, revise, write};
use crate::{Ctx, Error, Result};
use contract::dotenv;
use contract::validation;
use contract::variables::{ExportVariables, ExportedVariables, ImportVariables, ImportedVariables};
use entity::{Tenant, environment_variable};
use sea_orm::{ColumnTrait, QueryFilter};
use std::collections::BTreeMap;
use std::fmt::Write;

const LONGEST: usize = 512 * 1024;
const MOST: usize = 200;

/// All of it or nothing.
pub async fn import(ctx: &Ctx, input: ImportVariables) -> Result<ImportedVariables> {
    let scope = ctx.scope()?;
    let (owner, audience) = owner(ctx, input.application_id, input.preview).await?;
    let application = find(ctx, owner).await?;
    let given = read(&input.text)?;
    let tx = ctx.tx().await?;
    let application = match input.dry_run {
        true => application,
        false => revise(ctx, application.id, audience).await?,
    };
    let keyring = &ctx.platform.keyring;
    let known = resolved::rows(tx, scope, application.id, audience).await?;
    let mut done = ImportedVariables::default();
    let mut left: BTreeMap<String, environment_variable::Model> =
        known.into_iter().map(|row| (row.key.clone(), row)).collect();
    for (key, value) in given {
        let known = left.remove(&key);
        let same = match &known {
            Some(row) => keyring.open_text(&place(row.id), &row.sealed)? == value,
            None => false,
        };
        match (&known, same) {
            (_, true) => {
                done.unchanged.push(key);
                continue;
            }
            (Some(_), false) => done.changed.push(key.clone()),
            (None, false) => done.added.push(key.clone()),
        }
        if input.dry_run {
            continue;
        }
        let multiline = value.contains('\n');
        let wanted = match &known {
            // How it is treated stays.
            Some(row) => Wanted {
                application: application.id,
                key,
                value,
                build_time: row.build_time,
                run_time: row.run_time,
                secret: row.secret,
                literal: row.literal,
                multiline: row.multiline || multiline,
                preview: row.preview,
            },
            None => Wanted {
                application: application.id,
                key,
                value,
                build_time: input.build_time,
                run_time: input.run_time,
                secret: input.secret,
                literal: false,
                multiline,
                preview: audience == Audience::Preview,
            },
        };
        write(ctx, known, wanted).await?;
    }
    let kept = if input.replace { 0 } else { left.len() };
    if done.added.len() + done.changed.len() + done.unchanged.len() + kept > MOST {
        return Err(Error::field("text", format!("An application takes at most {MOST} variables.")));
    }
    if input.replace {
        done.removed = left.keys().cloned().collect();
    }
    done.changes = changes(&done, input.dry_run);
    if input.dry_run || (done.added.is_empty() && done.changed.is_empty() && done.removed.is_empty()) {
        ctx.notes().unchanged = true;
        return Ok(done);
    }
    if input.replace {
        environment_variable::Entity::delete_in(scope)
            .filter(environment_variable::Column::Id.is_in(left.values().map(|row| row.id)))
            .exec(tx)
            .await?;
    }
    let (entries, _) = resolved::entries(tx, keyring, scope, &application, audience, Purpose::Save).await?;
    check_builds(&entries).map_err(at_text)?;
    let faults: Vec<String> = entries
        .iter()
        .filter(|entry| !done.unchanged.contains(&entry.row.key))
        .filter_map(|entry| Some(format!("{}: {}", entry.row.key, entry.outcome.as_ref().err()?)))
        .collect();
    if !faults.is_empty() {
        return Err(Error::field("text", faults.join(" ")));
    }
    ctx.object("application", application.id, application.name);
    Ok(done)
}

/// Keys are letters, digits and underscores, so this needs no escaping in an address. It stays short enough for one.
fn changes(done: &ImportedVariables, dry_run: bool) -> String {
    let mut text = if dry_run { "plan" } else { "done" }.to_owned();
    for (what, keys) in [("added", &done.added), ("changed", &done.changed), ("removed", &done.removed)] {
        for key in keys.iter().take(40) {
            let _ = write!(text, ".{what}:{key}");
        }
    }
    text
}

fn at_text(error: Error) -> Error {
    match error {
        Error::Invalid(faults) => {
            Error::field("text", faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>().join(" "))
        }
        other => other,
    }
}

fn read(text: &str) -> Result<Vec<(String, String)>> {
    if text.len() > LONGEST {
        return Err(Error::field("text", "Use at most 512 KiB."));
    }
    let given = dotenv::parse(text)
        .map_err(|unreadable| Error::field("text", format!("Line {}: {}", unreadable.line, unreadable.why)))?;
    for (key, value) in &given {
        validation::variable_value(value).map_err(|refusal| Error::field("text", format!("{key}: {refusal}")))?;
    }
    Ok(given)
}

/// References stay references; what is secret is named without its value.
pub async fn export(ctx: &Ctx, input: ExportVariables) -> Result<ExportedVariables> {
    let (owner, audience) = owner(ctx, input.application_id, input.preview).await?;
    let rows = resolved::rows(&ctx.db(), ctx.scope()?, owner, audience).await?;
    let mut text = String::new();
    for row in rows {
        if row.secret {
            let _ = writeln!(text, "# {} is secret", row.key);
        } else {
            text.push_str(&dotenv::line(&row.key, &ctx.platform.keyring.open_text(&place(row.id), &row.sealed)?));
        }
    }
    Ok(ExportedVariables { text })
}
