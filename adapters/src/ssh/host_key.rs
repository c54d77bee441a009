//! Who a machine says it is, against what is known of it.

use russh::client::Handler;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PublicKey, PublicKeyOrCertificate};
use services::servers::way::{Hop, HostKey, WayError};
use std::sync::{Arc, Mutex, PoisonError};

/// What the machine showed.
pub type Shown = Arc<Mutex<Option<HostKey>>>;

/// Lets the handshake end only with the pinned key. With none pinned it never ends: the key is noted, no more.
pub struct Verifier {
    pub pinned: Option<HostKey>,
    pub shown: Shown,
}

impl Handler for Verifier {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let PublicKeyOrCertificate::PublicKey { key, .. } = shown else { return Ok(false) };
        let key = describe(key)?;
        let known = self.pinned.as_ref().is_some_and(|pinned| pinned.line == key.line);
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(key);
        Ok(known)
    }
}

fn describe(key: &PublicKey) -> Result<HostKey, russh::Error> {
    let bare = PublicKey::new(key.key_data().clone(), "");
    Ok(HostKey {
        algorithm: bare.algorithm().to_string(),
        line: bare.to_openssh()?,
        fingerprint: bare.fingerprint(HashAlg::Sha256).to_string(),
    })
}

/// Why the handshake did not end, when the key was the reason.
pub fn refusal(hop: &Hop, shown: &Shown) -> Option<WayError> {
    let offered = shown.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    let (at, role) = (hop.to_string(), hop.role);
    match &hop.host_key {
        None => Some(WayError::HostKeyUnknown { at, role, offered }),
        Some(known) if known.line != offered.line => {
            Some(WayError::HostKeyChanged { at, role, known: known.fingerprint.clone(), offered })
        }
        Some(_) => None,
    }
}

/// The pinned key's own kind first: a machine that gets another key besides still shows the one that is known.
pub fn algorithms(pinned: Option<&HostKey>) -> Vec<Algorithm> {
    let mut all = vec![
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
        Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
        Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
        Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
    ];
    if let Some(pinned) = pinned {
        let other = |algorithm: &Algorithm| match algorithm {
            Algorithm::Rsa { .. } => pinned.algorithm != "ssh-rsa",
            other => other.to_string() != pinned.algorithm,
        };
        // Stable: what is equal stays in its order.
        all.sort_by_key(other);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pinned(algorithm: &str) -> HostKey {
        HostKey { algorithm: algorithm.into(), line: String::new(), fingerprint: String::new() }
    }

    #[test]
    fn the_pinned_kind_is_asked_for_first() {
        assert_eq!(algorithms(None)[0], Algorithm::Ed25519);
        let ecdsa = algorithms(Some(&pinned("ecdsa-sha2-nistp256")));
        assert_eq!(ecdsa[0], Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 });
        let rsa = algorithms(Some(&pinned("ssh-rsa")));
        assert_eq!(rsa[0], Algorithm::Rsa { hash: Some(HashAlg::Sha512) });
        assert_eq!(rsa[1], Algorithm::Rsa { hash: Some(HashAlg::Sha256) });
        assert_eq!(rsa.len(), algorithms(None).len());
    }
}
