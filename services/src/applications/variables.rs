//! Environment variables. Values are sealed at rest; a secret's value never leaves in an answer, and becomes readable only
//! by being replaced.

use super::config::{self, Audience};
use super::references::{self, Level, Reference};
use super::resolved::{self, Entry, Purpose};
use crate::clock::new_id;
use crate::page::term;
use crate::{Ctx, Error, Faults, Result, previews};
use contract::ids::{ApplicationId, VariableId};
use contract::variables::{ListVariables, SetVariable, Variable, VariableRef, VariableReference};
use contract::{Empty, Page, validation};
use entity::{Tenant, application, environment_variable};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

/// Variables of one application, of either set.
const MOST: usize = 200;
/// A shorter secret would be given away by its end.
const SHOWS_ITS_END: usize = 12;

/// Creates the variable, or replaces the one with this key.
pub async fn set(ctx: &Ctx, mut input: SetVariable) -> Result<Variable> {
    let mut faults = Faults::default();
    faults.check("key", validation::variable_key(&input.key));
    faults.check("value", validation::variable_value(&input.value));
    faults.into_result()?;
    let scope = ctx.scope()?;
    let (owner, audience) = owner(ctx, input.application_id, input.preview).await?;
    (input.application_id, input.preview) = (owner, audience == Audience::Preview);
    let tx = ctx.tx().await?;
    // Its row is locked until the commit: the limit and the key's uniqueness hold between here and there.
    let application = revise(ctx, input.application_id, audience).await?;
    let known = resolved::rows(tx, scope, application.id, audience).await?;
    let count = known.len();
    let known = known.into_iter().find(|row| row.key == input.key);
    let keyring = &ctx.platform.keyring;
    let value = match (&known, input.keep_value && input.value.is_empty()) {
        (_, false) => input.value.clone(),
        (None, true) => return Err(Error::field("value", "There is no value to keep yet. Enter one.")),
        (Some(known), true) if known.secret && !input.secret => {
            return Err(Error::field("secret", "A secret's value is never shown again. Enter a new value with it."));
        }
        (Some(known), true) => keyring.open_text(&place(known.id), &known.sealed)?,
    };
    if known.is_none() && count >= MOST {
        return Err(Error::field("key", format!("An application takes at most {MOST} variables.")));
    }
    let key = input.key.clone();
    write(ctx, known, Wanted { value, ..Wanted::of(input) }).await?;

    let (entries, pool) = resolved::entries(tx, keyring, scope, &application, audience, Purpose::Save).await?;
    check_builds(&entries)?;
    let entry = entries.into_iter().find(|entry| entry.row.key == key).ok_or(Error::NotFound)?;
    if let Err(why) = &entry.outcome {
        return Err(Error::field("value", why.clone()));
    }
    ctx.object("environment_variable", entry.row.id, &key);
    shown(entry, &pool)
}

/// What a variable is to be.
pub(super) struct Wanted {
    pub application: ApplicationId,
    pub key: String,
    pub value: String,
    pub build_time: bool,
    pub run_time: bool,
    pub secret: bool,
    pub literal: bool,
    pub multiline: bool,
    pub preview: bool,
}

impl Wanted {
    fn of(input: SetVariable) -> Self {
        Self {
            application: input.application_id,
            key: input.key,
            value: input.value,
            build_time: input.build_time,
            run_time: input.run_time,
            secret: input.secret,
            literal: input.literal,
            multiline: input.multiline,
            preview: input.preview,
        }
    }
}

/// Writes the row, in the place of the one that is known.
pub(super) async fn write(ctx: &Ctx, known: Option<environment_variable::Model>, wanted: Wanted) -> Result<()> {
    let (scope, tx) = (ctx.scope()?, ctx.tx().await?);
    let id = known.as_ref().map_or_else(new_id, |known| known.id);
    let refers_to: Vec<String> = match wanted.literal {
        true => Vec::new(),
        false => references::references(&wanted.value).iter().map(Reference::stored).collect(),
    };
    let row = environment_variable::Model {
        id,
        organization_id: scope.organization(),
        application_id: wanted.application,
        key: wanted.key,
        sealed: ctx.platform.keyring.seal(&place(id), wanted.value.as_bytes())?,
        last_four: ending(&wanted.value, wanted.secret),
        build_time: wanted.build_time,
        run_time: wanted.run_time || !wanted.build_time,
        secret: wanted.secret,
        literal: wanted.literal,
        multiline: wanted.multiline,
        preview: wanted.preview,
        refers_to: serde_json::to_value(refers_to)?,
        updated_at: ctx.now(),
    };
    if known.is_none() {
        environment_variable::Entity::insert(environment_variable::ActiveModel::from(row))
            .exec_without_returning(tx)
            .await?;
        return Ok(());
    }
    environment_variable::Entity::update_in(scope)
        .col_expr(environment_variable::Column::Sealed, Expr::value(row.sealed))
        .col_expr(environment_variable::Column::LastFour, Expr::value(row.last_four))
        .col_expr(environment_variable::Column::BuildTime, Expr::value(row.build_time))
        .col_expr(environment_variable::Column::RunTime, Expr::value(row.run_time))
        .col_expr(environment_variable::Column::Secret, Expr::value(row.secret))
        .col_expr(environment_variable::Column::Literal, Expr::value(row.literal))
        .col_expr(environment_variable::Column::Multiline, Expr::value(row.multiline))
        .col_expr(environment_variable::Column::RefersTo, Expr::value(row.refers_to))
        .col_expr(environment_variable::Column::UpdatedAt, Expr::value(row.updated_at))
        .filter(environment_variable::Column::Id.eq(id))
        .exec(tx)
        .await?;
    Ok(())
}

/// Refuses what no build could be given.
pub(super) fn check_builds(entries: &[Entry]) -> Result<()> {
    let given = entries.iter().filter(|entry| entry.row.build_time && !entry.row.secret).filter_map(|entry| {
        let resolved = entry.outcome.as_ref().ok()?;
        Some((entry.row.key.as_str(), resolved.value.as_str()))
    });
    if config::fits_into_builds(given)? { Ok(()) } else { Err(Error::field("value", config::BUILD_VALUES_REFUSED)) }
}

/// All of an application's variables by key, production's first; of a preview those that it runs with; values only of those that are no secrets.
pub async fn list(ctx: &Ctx, input: ListVariables) -> Result<Page<Variable>> {
    let (scope, db) = (ctx.scope()?, ctx.db());
    let (owner, least) = owner(ctx, input.application_id, false).await?;
    let application = find(ctx, owner).await?;
    let wanted = term(input.search.as_deref())?.map(str::to_lowercase);
    let mut all = Vec::new();
    let audiences = [Audience::Production, Audience::Preview];
    // A preview has nothing of production.
    for audience in audiences.into_iter().skip_while(|one| *one != least) {
        let keyring = &ctx.platform.keyring;
        let (entries, pool) = resolved::entries(&db, keyring, scope, &application, audience, Purpose::Show).await?;
        for entry in entries {
            if wanted.as_ref().is_none_or(|text| entry.row.key.to_lowercase().contains(text)) {
                all.push(shown(entry, &pool)?);
            }
        }
    }
    Ok(Page::whole(all))
}

/// Refused while another variable of the application refers to it.
pub async fn delete(ctx: &Ctx, input: VariableRef) -> Result<Empty> {
    let scope = ctx.scope()?;
    let tx = ctx.tx().await?;
    let row = environment_variable::Entity::find_in(scope)
        .filter(environment_variable::Column::Id.eq(input.id))
        .one(tx)
        .await?
        .ok_or(Error::NotFound)?;
    ctx.object("environment_variable", row.id, &row.key);
    let audience = Audience::of(row.preview);
    revise(ctx, row.application_id, audience).await?;
    let own = Reference { level: Level::Application, key: row.key.clone() };
    let rows = resolved::rows(tx, scope, row.application_id, audience).await?;
    let users: Vec<&str> = rows
        .iter()
        .filter(|other| other.id != row.id && resolved::names(other).contains(&own.stored().as_str()))
        .map(|other| other.key.as_str())
        .collect();
    if !users.is_empty() {
        return Err(Error::conflict(format!("{} refers to {}. Change that first.", users.join(", "), row.key)));
    }
    environment_variable::Entity::delete_in(scope).filter(environment_variable::Column::Id.eq(row.id)).exec(tx).await?;
    Ok(Empty {})
}

/// Whose variables these are: a preview runs with those that its application keeps for previews, whichever set is asked
/// for, and has none of its own.
pub(super) async fn owner(ctx: &Ctx, id: ApplicationId, preview: bool) -> Result<(ApplicationId, Audience)> {
    find(ctx, id).await?;
    Ok(match previews::parent(&ctx.db(), ctx.scope()?, id).await? {
        Some(parent) => (parent, Audience::Preview),
        None => (id, Audience::of(preview)),
    })
}

pub(super) async fn find(ctx: &Ctx, id: ApplicationId) -> Result<application::Model> {
    application::Entity::find_in(ctx.scope()?)
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .one(&ctx.db())
        .await?
        .ok_or(Error::NotFound)
}

/// The application's configuration is another one now; absent applications are not found. What serves has nothing of the
/// previews' variables, so those change nothing that would have to be deployed.
pub(super) async fn revise(ctx: &Ctx, id: ApplicationId, audience: Audience) -> Result<application::Model> {
    let by = if audience == Audience::Production { 1 } else { 0 };
    let revised = application::Entity::update_in(ctx.scope()?)
        .col_expr(application::Column::Revision, Expr::col(application::Column::Revision).add(by))
        .filter(application::Column::Id.eq(id))
        .filter(application::Column::DeletedAt.is_null())
        .exec(ctx.tx().await?)
        .await?;
    if revised.rows_affected == 0 {
        return Err(Error::NotFound);
    }
    ctx.notes().poke.push(id.0);
    find(ctx, id).await
}

/// The last four characters of a secret that is long enough to show them.
pub(crate) fn ending(value: &str, secret: bool) -> Option<String> {
    let length = value.chars().count();
    (secret && length >= SHOWS_ITS_END).then(|| value.chars().skip(length - 4).collect())
}

fn shown(entry: Entry, pool: &references::Pool) -> Result<Variable> {
    let Entry { row, value, outcome } = entry;
    let open = !row.secret && !row.literal;
    let found = if open { references::references(&value) } else { Default::default() };
    let refers: Vec<VariableReference> = found
        .iter()
        .map(|reference| {
            let shared = pool.find(reference);
            let secret = shared.is_some_and(|shared| shared.secret);
            VariableReference {
                reference: reference.to_string(),
                found: shared.is_some() || (reference.level == Level::Application && outcome.is_ok()),
                secret,
                value: shared.filter(|_| !secret).map(|shared| shared.value.clone()),
            }
        })
        .collect();
    let resolved = outcome.as_ref().ok().filter(|resolved| !resolved.secret && !refers.is_empty());
    Ok(Variable {
        id: row.id,
        application_id: row.application_id,
        key: row.key,
        resolved: resolved.map(|resolved| resolved.value.clone()),
        references: refers,
        problem: outcome.err(),
        value: (!row.secret).then_some(value),
        last_four: row.last_four,
        build_time: row.build_time,
        run_time: row.run_time,
        secret: row.secret,
        literal: row.literal,
        multiline: row.multiline,
        preview: row.preview,
        updated_at: row.updated_at,
    })
}

/// Where a value is sealed.
pub(super) fn place(id: VariableId) -> String {
    format!("environment_variables/{id}")
}
