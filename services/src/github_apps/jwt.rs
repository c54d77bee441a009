//! How an app says who it is: a token signed with its key (RS256), good for some minutes. Pure.

use crate::{Error, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use contract::Time;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// What stands before a SHA-256 digest in a signature (RFC 8017, 9.2).
const SHA256: [u8; 19] =
    [0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20];

/// Clocks may differ by so much.
const EARLIER: i64 = 60;
/// GitHub takes ten minutes at most.
const LATER: i64 = 8 * 60;

pub fn sign(app: u64, pem: &str, now: Time) -> Result<Zeroizing<String>> {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(serde_json::json!({ "alg": "RS256", "typ": "JWT" }));
    let (from, until) = (now.timestamp() - EARLIER, now.timestamp() + LATER);
    let claims = part(serde_json::json!({ "iat": from, "exp": until, "iss": app.to_string() }));
    let text = format!("{head}.{claims}");
    let padding = Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256.into() };
    let signature = key(pem)?
        .sign(padding, &Sha256::digest(text.as_bytes()))
        .map_err(|_| Error::internal("an app's key does not sign"))?;
    Ok(Zeroizing::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// PKCS#1, as GitHub gives it, or PKCS#8.
pub fn key(pem: &str) -> Result<RsaPrivateKey> {
    let unreadable = || Error::internal("an app's key cannot be read");
    let lines = pem.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("-----"));
    let body = Zeroizing::new(lines.collect::<String>());
    let der = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|_| unreadable())?);
    RsaPrivateKey::from_pkcs1_der(&der).or_else(|_| RsaPrivateKey::from_pkcs8_der(&der)).map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_keys_own() {
        let pem = include_str!("../../tests/it/ssh_keys/rsa_pkcs1");
        let now: Time = "2026-03-01T12:00:00Z".parse().unwrap();
        let token = sign(42, pem, now).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        let [head, claims, signature] = parts.as_slice() else { panic!() };
        let claims: serde_json::Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        assert_eq!(claims["iss"], "42");
        assert!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap() < 600);
        let digest = Sha256::digest(format!("{head}.{}", parts[1]).as_bytes());
        let public = key(pem).unwrap().to_public_key();
        let padding = || Pkcs1v15Sign { hash_len: Some(32), prefix: SHA256.into() };
        public.verify(padding(), &digest, &URL_SAFE_NO_PAD.decode(signature).unwrap()).unwrap();
        assert!(
            public.verify(padding(), &Sha256::digest(b"other"), &URL_SAFE_NO_PAD.decode(signature).unwrap()).is_err()
        );
        assert!(key("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----").is_err());
    }
}
