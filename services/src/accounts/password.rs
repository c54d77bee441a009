//! Passwords, hashed with Argon2id. Hashing takes 19 MiB and tens of milliseconds, so it runs beside the async
//! threads, a few at a time, and never inside a transaction.

use crate::error::{Error, Result};
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use rand::RngCore;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// OWASP's first choice: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// No password has this hash. Verifying against it takes as long as against a real one, so an unknown account and a
/// wrong password take the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$Y2Fub3B5LW5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Bounds the memory that sign-ins take together.
static HASHING: Semaphore = Semaphore::const_new(4);

pub(crate) async fn hash(password: &str) -> Result<String> {
    let password = Zeroizing::new(password.to_owned());
    aside(move || {
        let mut random = [0u8; 16];
        rand::rng().fill_bytes(&mut random);
        let salt = SaltString::encode_b64(&random).map_err(Error::internal)?;
        let hash = argon2()?.hash_password(password.as_bytes(), &salt).map_err(Error::internal)?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether the password has this hash; without one (nobody has the account) it takes as long to say no.
pub(crate) async fn verify(password: &str, stored: Option<&str>) -> Result<bool> {
    let password = Zeroizing::new(password.to_owned());
    let stored = stored.map(str::to_owned);
    aside(move || {
        let (hash, real) = match stored.as_deref().map(PasswordHash::new) {
            Some(Ok(hash)) => (hash, true),
            _ => (PasswordHash::new(NOBODY).map_err(Error::internal)?, false),
        };
        let matches = argon2()?.verify_password(password.as_bytes(), &hash).is_ok();
        Ok(matches && real)
    })
    .await
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(Error::internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let _permit = HASHING.acquire().await.map_err(Error::internal)?;
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_knows_its_password_only() {
        let stored = hash("correct horse battery").await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify("correct horse battery", Some(&stored)).await.unwrap());
        assert!(!verify("correct horse batterz", Some(&stored)).await.unwrap());
        assert!(!verify("correct horse battery", None).await.unwrap());
        assert!(!verify("correct horse battery", Some("!")).await.unwrap());
        assert_ne!(stored, hash("correct horse battery").await.unwrap());
    }

    #[test]
    fn the_hash_of_nobody_is_well_formed() {
        // A malformed one would be refused at once, and the time would tell who has an account.
        let hash = PasswordHash::new(NOBODY).unwrap();
        assert_eq!(hash.hash.unwrap().len(), 32);
        assert_eq!(Params::try_from(&hash).unwrap().m_cost(), MEMORY_KIB);
    }
}
