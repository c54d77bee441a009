//! Signing in. A refusal never says which of the two was wrong, and takes as long for an account that nobody has.

use super::{find_by_email, normal_email, password, sessions, throttle};
use crate::{Ctx, Error, Result};
use contract::accounts::{Me, SignIn};
use entity::user;

pub async fn sign_in(ctx: &Ctx, input: SignIn) -> Result<Me> {
    let email = normal_email(&input.email);
    let user = prove_password(ctx, &email, &input.password).await?;
    sessions::start(ctx, &user, None).await
}

/// The account that has this address and password. Counted and throttled; call it before `ctx.tx()`.
pub(crate) async fn prove_password(ctx: &Ctx, email: &str, password: &str) -> Result<user::Model> {
    if contract::validation::email(email).is_err() {
        return Err(Error::SignInFailed);
    }
    let attempt = throttle::attempt(&ctx.platform, email, ctx.caller.address).await?;
    // Longer than any password may be: not worth hashing.
    if password.len() > 4 * 256 {
        return Err(Error::SignInFailed);
    }
    let user = find_by_email(&ctx.db(), email).await?.filter(|user| user.disabled_at.is_none());
    let right = password::verify(password, user.as_ref().map(|user| user.password_hash.as_str())).await?;
    let user = user.filter(|_| right).ok_or(Error::SignInFailed)?;
    attempt.succeeded(ctx.platform.database.write()).await?;
    Ok(user)
}
