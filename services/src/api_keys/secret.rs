//! What a key looks like: `canopy_`, 43 random letters and digits, 6 of a checksum. Secret scanners find it by its
//! start, and a typing error shows without asking the database.

use crate::accounts::token;
use sha2::{Digest, Sha256};

const START: &str = "canopy_";
const CHECK: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub fn new() -> String {
    let body = token::random();
    format!("{START}{body}{}", checksum(&body))
}

pub(super) fn hash(key: &str) -> Vec<u8> {
    token::hash(key)
}

/// Enough to recognise a key in a list, not to use it.
pub(super) fn shown_part(key: &str) -> &str {
    key.get(..START.len() + 8).unwrap_or_default()
}

pub(super) fn is_well_formed(key: &str) -> bool {
    let Some(rest) = key.strip_prefix(START) else { return false };
    if rest.len() != token::LENGTH + CHECK || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let (body, check) = rest.split_at(token::LENGTH);
    checksum(body) == check
}

fn checksum(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let mut number = digest.iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    let mut check = String::with_capacity(CHECK);
    for _ in 0..CHECK {
        let digit = usize::try_from(number % 62).unwrap_or_default();
        check.push(char::from(DIGITS[digit]));
        number /= 62;
    }
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_letter_shows() {
        let key = new();
        assert!(is_well_formed(&key), "{key}");
        assert_eq!(key.len(), 56);
        assert_eq!(shown_part(&key).len(), 15);
        for at in START.len()..key.len() {
            let mut bytes = key.clone().into_bytes();
            bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed(std::str::from_utf8(&bytes).unwrap()), "changed at {at}");
        }
        for other in ["", "canopy_", "Bearer", "canopy_é", &key[..55], &format!("{key}a")] {
            assert!(!is_well_formed(other));
        }
    }
}
