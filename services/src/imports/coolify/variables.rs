//! Environment variables. `{{team.KEY}}`, `{{project.KEY}}` and `{{environment.KEY}}` are references there as here.

use super::super::{Level, SharedVariable, Variable, printable};
use super::fields::{flag, text};
use crate::applications::references::{self, Reference};
use contract::validation;
use serde_json::Value;
use std::collections::BTreeSet;

/// Variables of one application; here an application takes 200 of each set.
const MOST: usize = 200;

/// What a list of theirs becomes, and what is to be said about it.
pub fn variables(envs: &[Value], known: &dyn Fn(&Reference) -> bool, notes: &mut Vec<String>) -> Vec<Variable> {
    let (mut all, mut seen): (Vec<Variable>, BTreeSet<(bool, String)>) = (Vec::new(), BTreeSet::new());
    let (mut hidden, mut refused, mut interpolated) = (Vec::new(), Vec::new(), Vec::new());
    for env in envs {
        let Some(key) = env.get("key").and_then(Value::as_str) else {
            refused.push("one without a key".to_owned());
            continue;
        };
        let named = printable(key);
        let Some(value) = env.get("value").and_then(Value::as_str) else {
            hidden.push(named);
            continue;
        };
        if let Err(why) = validation::variable_key(key).and_then(|()| validation::variable_value(value)) {
            refused.push(format!("{named} ({why})"));
            continue;
        }
        let preview = flag(env, "is_preview").unwrap_or(false);
        if all.len() >= 2 * MOST || !seen.insert((preview, key.to_owned())) {
            refused.push(format!("{named} (it is there already, or there are too many)"));
            continue;
        }
        let found = references::references(value);
        if let Some(missing) = found.iter().find(|reference| !known(reference)) {
            refused.push(format!("{named} (it refers to {missing}, which Coolify did not give)"));
            continue;
        }
        if value.contains("{{server.") {
            refused.push(format!("{named} (it refers to a variable of a server, which are not shared here)"));
            continue;
        }
        let literal = flag(env, "is_literal").unwrap_or(false);
        if !literal && value.contains('$') {
            interpolated.push(named);
        }
        // Older versions know one of the two flags, under another name.
        let build_time = flag(env, "is_buildtime").or_else(|| flag(env, "is_build_time")).unwrap_or(false);
        all.push(Variable {
            key: key.to_owned(),
            value: value.to_owned(),
            build_time,
            run_time: flag(env, "is_runtime").unwrap_or(true),
            secret: flag(env, "is_shown_once").unwrap_or(false),
            // There too, what is literal may refer to shared variables.
            literal: found.is_empty() && (literal || value.contains("{{")),
            multiline: flag(env, "is_multiline").unwrap_or(false) || value.contains('\n'),
            preview,
        });
    }
    note(notes, "Coolify does not give the values of", &hidden, "Set them here by hand.");
    note(notes, "These variables are left out:", &refused, "");
    note(notes, "Coolify puts values in for $NAME in", &interpolated, "Here they are given on as they are.");
    all
}

fn note(notes: &mut Vec<String>, what: &str, which: &[String], then: &str) {
    if which.is_empty() {
        return;
    }
    let more = which.len().saturating_sub(20);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let shown = which[..which.len().min(20)].join(", ");
    notes.push(format!("{what} {shown}{more}. {then}").trim_end().to_owned());
}

/// Variables that are shared there.
pub fn shared(level: &Level, envs: &[Value], left_out: &mut Vec<super::super::Row>) -> Vec<SharedVariable> {
    let mut all: Vec<SharedVariable> = Vec::new();
    for env in envs {
        let key = text(env, "key").unwrap_or_default();
        let mut refuse = |why: String| left_out.push(super::super::Row::left_out("shared variable", "", key, why));
        let Some(value) = env.get("value").and_then(Value::as_str) else {
            refuse("Coolify does not give its value. Set it here by hand.".into());
            continue;
        };
        if let Err(why) = validation::variable_key(key).and_then(|()| validation::variable_value(value)) {
            refuse(why.into());
            continue;
        }
        if all.len() >= MOST || all.iter().any(|shared| shared.variable.key == key) {
            refuse("It is there already, or there are too many.".into());
            continue;
        }
        let variable = Variable {
            key: key.to_owned(),
            value: value.to_owned(),
            build_time: false,
            run_time: false,
            secret: flag(env, "is_shown_once").unwrap_or(false),
            literal: true,
            multiline: flag(env, "is_multiline").unwrap_or(false) || value.contains('\n'),
            preview: false,
        };
        all.push(SharedVariable { level: level.clone(), variable });
    }
    all
}
