//! Secrets at rest: XChaCha20-Poly1305 under the instance's key, each bound to the row it belongs to, so a sealed
//! value copied to another row does not open.

use crate::error::{Error, Result};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::RngCore;
use sha2::{Digest, Sha256};

/// In front of every sealed value, so that a later format can be told apart.
const VERSION: u8 = 1;
const NONCE: usize = 24;

#[derive(Clone)]
pub struct Keyring {
    cipher: XChaCha20Poly1305,
    /// For fingerprints.
    marks: [u8; 32],
}

impl Keyring {
    pub fn new(key: &[u8; 32]) -> Self {
        let mut marks = Sha256::new();
        marks.update(b"canopy/fingerprints");
        marks.update(key);
        Self { cipher: XChaCha20Poly1305::new(key.into()), marks: marks.finalize().into() }
    }

    /// Tells whether two texts are the same, without telling anything about them to who lacks the key.
    pub fn fingerprint(&self, text: &[u8]) -> String {
        // Keyed inside and out, so that nothing can be appended.
        let inner = Sha256::new().chain_update(self.marks).chain_update(text).finalize();
        hex::encode(Sha256::new().chain_update(self.marks).chain_update(b"outer").chain_update(inner).finalize())
    }

    /// `place` names the row and column: `environment_variables/<id>`.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let mut nonce = [0u8; NONCE];
        rand::rng().fill_bytes(&mut nonce);
        let payload = Payload { msg: plain, aad: place.as_bytes() };
        let sealed =
            self.cipher.encrypt(XNonce::from_slice(&nonce), payload).map_err(|_| Error::internal("sealing failed"))?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let refused = || Error::internal(format!("the secret at {place} does not open with this instance's key"));
        let (version, rest) = sealed.split_first().ok_or_else(refused)?;
        if *version != VERSION || rest.len() < NONCE {
            return Err(refused());
        }
        let (nonce, body) = rest.split_at(NONCE);
        let payload = Payload { msg: body, aad: place.as_bytes() };
        self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| refused())
    }

    pub fn open_text(&self, place: &str, sealed: &[u8]) -> Result<String> {
        String::from_utf8(self.open(place, sealed)?).map_err(Error::internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_fingerprint_depends_on_text_and_key() {
        let keyring = Keyring::new(&[7; 32]);
        assert_eq!(keyring.fingerprint(b"a"), keyring.fingerprint(b"a"));
        assert_ne!(keyring.fingerprint(b"a"), keyring.fingerprint(b"b"));
        assert_ne!(keyring.fingerprint(b"a"), Keyring::new(&[8; 32]).fingerprint(b"a"));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_only_in_its_place(plain: Vec<u8>, place in "[a-z/]{1,20}", flip: prop::sample::Index) {
            let keyring = Keyring::new(&[7; 32]);
            let sealed = keyring.seal(&place, &plain).unwrap();
            prop_assert_eq!(keyring.open(&place, &sealed).unwrap(), plain);
            prop_assert!(keyring.open("elsewhere/1", &sealed).is_err());
            prop_assert!(Keyring::new(&[8; 32]).open(&place, &sealed).is_err());
            let mut broken = sealed.clone();
            let at = flip.index(broken.len());
            broken[at] ^= 1;
            prop_assert!(keyring.open(&place, &broken).is_err());
        }
    }
}
