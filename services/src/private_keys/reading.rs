//! Reads what people paste: OpenSSH's own format, and the PEM of RSA and Ed25519 keys (PKCS#1, PKCS#8).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs1::DecodeRsaPrivateKey;
use rsa::pkcs8::DecodePrivateKey;
use rsa::traits::PublicKeyParts;
use ssh_key::PrivateKey;
use ssh_key::private::{Ed25519Keypair, RsaKeypair};
use zeroize::Zeroizing;

const LARGEST: usize = 16 * 1024;
const LEAST_RSA_BITS: usize = 2048;

const ENCRYPTED: &str =
    "This key is locked with a passphrase. Unlock a copy with `ssh-keygen -p -N '' -f COPY` and paste that.";
const SHAPE: &str = "Paste a whole private key, from its -----BEGIN line to its -----END line.";
const KIND: &str =
    "Use an Ed25519, ECDSA or RSA key in OpenSSH's format: `ssh-keygen -p -N '' -f COPY` rewrites a copy in it.";
const WEAK: &str = "Use an RSA key of 2048 bits or more, or an Ed25519 key.";

/// What stands before every Ed25519 seed in PKCS#8 (RFC 8410).
const ED25519_PKCS8: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The key, or why it is refused; the refusal never holds a part of it.
pub(super) fn read(text: &str) -> Result<PrivateKey, &'static str> {
    if text.len() > LARGEST {
        return Err(SHAPE);
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>();
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return Err(SHAPE) };
    let label = first.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")).ok_or(SHAPE)?;
    if *last != format!("-----END {label}-----") || lines.len() < 3 {
        return Err(SHAPE);
    }
    if label == "ENCRYPTED PRIVATE KEY" || lines.iter().any(|line| line.starts_with("Proc-Type:")) {
        return Err(ENCRYPTED);
    }
    let body = &lines[1..lines.len() - 1];
    let key = match label {
        "OPENSSH PRIVATE KEY" => {
            let text = Zeroizing::new(format!("{}\n", lines.join("\n")));
            PrivateKey::from_openssh(text.as_bytes()).map_err(|_| SHAPE)?
        }
        "RSA PRIVATE KEY" => rsa_key(rsa::RsaPrivateKey::from_pkcs1_der(&der(body)?).map_err(|_| SHAPE)?)?,
        "PRIVATE KEY" => pkcs8(&der(body)?)?,
        _ => return Err(KIND),
    };
    if key.is_encrypted() {
        return Err(ENCRYPTED);
    }
    match key.key_data() {
        ssh_key::private::KeypairData::Rsa(pair) => {
            let bits = pair.public.n.as_positive_bytes().map_or(0, |bytes| bytes.len() * 8);
            if bits < LEAST_RSA_BITS { Err(WEAK) } else { Ok(key) }
        }
        ssh_key::private::KeypairData::Ed25519(_) | ssh_key::private::KeypairData::Ecdsa(_) => Ok(key),
        _ => Err(KIND),
    }
}

fn der(lines: &[&str]) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let text = Zeroizing::new(lines.concat());
    STANDARD.decode(text.as_bytes()).map(Zeroizing::new).map_err(|_| SHAPE)
}

fn pkcs8(der: &[u8]) -> Result<PrivateKey, &'static str> {
    if let Some(seed) = der.strip_prefix(&ED25519_PKCS8) {
        let seed = Zeroizing::new(<[u8; 32]>::try_from(seed).map_err(|_| SHAPE)?);
        return Ok(Ed25519Keypair::from_seed(&seed).into());
    }
    rsa_key(rsa::RsaPrivateKey::from_pkcs8_der(der).map_err(|_| KIND)?)
}

fn rsa_key(key: rsa::RsaPrivateKey) -> Result<PrivateKey, &'static str> {
    if key.size() * 8 < LEAST_RSA_BITS {
        return Err(WEAK);
    }
    Ok(RsaKeypair::try_from(&key).map_err(|_| SHAPE)?.into())
}
