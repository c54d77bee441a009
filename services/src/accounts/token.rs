//! Random tokens. Only their hashes are kept, so a copy of the database opens nothing.

use rand::Rng;
use rand::distr::Alphanumeric;
use sha2::{Digest, Sha256};

/// 43 letters and digits: 256 bits.
pub(crate) const LENGTH: usize = 43;

pub(crate) fn random() -> String {
    rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect()
}

/// Plain SHA-256: what is hashed has 256 random bits, there is nothing to guess.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
