//! What Traefik says of its certificates: the file in which it keeps them, and the failures in its log. Their keys are in
//! that file too; nothing here looks at them.

use super::container::{ACME_FILE, container_name};
use contract::Time;
use futures::TryStreamExt;
use serde::Deserialize;
use services::servers::engine::{Engine, EngineError, EngineResult, LogRequest};
use services::servers::proxy::{CertificateFailure, Certificates, HeldCertificate, ProxySettings};
use std::collections::HashMap;
use x509_cert::Certificate;
use x509_cert::der::Decode;

/// Of the file: some thousands of certificates.
const MOST_BYTES: usize = 64 << 20;
/// Of the log, which holds errors only.
const LINES: usize = 2000;

pub async fn certificates(engine: &dyn Engine, settings: &ProxySettings) -> EngineResult<Certificates> {
    let name = container_name(&settings.instance);
    let held = match engine.file(&name, ACME_FILE, MOST_BYTES).await {
        Ok(Some(content)) => held(&content)?,
        Ok(None) | Err(EngineError::NotFound(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut log = Vec::new();
    match engine.logs(&name, LogRequest { tail: Some(LINES), ..Default::default() }).await {
        Ok(mut chunks) => {
            while let Some(chunk) = chunks.try_next().await? {
                log.extend_from_slice(&chunk.bytes);
            }
        }
        Err(EngineError::NotFound(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(Certificates { held, failures: String::from_utf8_lossy(&log).lines().filter_map(failure).collect() })
}

#[derive(Deserialize)]
struct Resolver {
    #[serde(rename = "Certificates", default)]
    certificates: Option<Vec<Stored>>,
}

#[derive(Deserialize)]
struct Stored {
    domain: Names,
    /// A chain in PEM, in base64.
    certificate: String,
}

#[derive(Deserialize)]
struct Names {
    main: String,
    #[serde(default)]
    sans: Option<Vec<String>>,
}

fn held(content: &[u8]) -> EngineResult<Vec<HeldCertificate>> {
    if content.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    // Half of it, while it is being written: the next look sees all.
    let resolvers: HashMap<String, Resolver> = serde_json::from_slice(content)
        .map_err(|error| EngineError::Failed(format!("the proxy's certificates cannot be read: {error}")))?;
    let stored = resolvers.into_values().flat_map(|resolver| resolver.certificates.unwrap_or_default());
    Ok(stored.filter_map(read).collect())
}

fn read(stored: Stored) -> Option<HeldCertificate> {
    let chain = String::from_utf8(base64_decode(&stored.certificate)?).ok()?;
    let first: String =
        chain.split("-----BEGIN CERTIFICATE-----").nth(1)?.split("-----END").next()?.split_whitespace().collect();
    let leaf = Certificate::from_der(&base64_decode(&first)?).ok()?.tbs_certificate;
    let not_after = i64::try_from(leaf.validity.not_after.to_unix_duration().as_secs()).ok()?;
    let parts: Vec<String> = leaf.issuer.0.iter().flat_map(|rdn| rdn.0.iter().map(ToString::to_string)).collect();
    let part = |key: &str| parts.iter().find_map(|part| part.strip_prefix(key).map(|value| value.replace('\\', "")));
    let hosts = [stored.domain.main].into_iter().chain(stored.domain.sans.unwrap_or_default()).collect();
    Some(HeldCertificate {
        hosts,
        issuer: part("O=").or_else(|| part("CN=")).unwrap_or_else(|| "an unnamed authority".to_owned()),
        not_after: Time::from_timestamp(not_after, 0)?,
    })
}

fn base64_decode(text: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// What an error in the log says, if it is about a certificate.
#[derive(Deserialize)]
struct Entry {
    message: String,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    domains: Option<Vec<String>>,
}

/// A line is its time by the engine's clock, and the proxy's own JSON.
fn failure(line: &str) -> Option<CertificateFailure> {
    let (at, entry) = line.split_once(' ')?;
    let at = chrono::DateTime::parse_from_rfc3339(at).ok()?.to_utc();
    let entry: Entry = serde_json::from_str(entry).ok()?;
    let renewed = entry.message.split_once("Error renewing certificate").map(|(_, rest)| rest);
    let hosts = match (entry.domains, renewed) {
        (Some(hosts), _) => hosts,
        // `from LE: {a.example.com [b.example.com]}`
        (None, Some(rest)) => {
            rest.split(['{', '}', '[', ']', ' ']).filter(|word| word.contains('.')).map(str::to_owned).collect()
        }
        (None, None) => return None,
    };
    let about = entry.message.contains("ACME certificate") || renewed.is_some();
    about.then(|| CertificateFailure { hosts, at, reason: entry.error.unwrap_or(entry.message) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_found_in_the_log() {
        let line = r#"2026-11-22T14:00:00.123456789Z {"level":"error","providerName":"canopy-http.acme","domains":["a.example.com"],"error":"unable to generate: 403","time":"2026-11-22T14:00:00Z","message":"Unable to obtain ACME certificate for domains"}"#;
        let found = failure(line).unwrap();
        assert_eq!(
            (found.hosts, found.reason),
            (vec!["a.example.com".to_owned()], "unable to generate: 403".to_owned())
        );
        let line = r#"2026-11-22T14:00:00Z {"level":"error","error":"429","message":"Error renewing certificate from LE: {a.example.com [b.example.com]}"}"#;
        assert_eq!(failure(line).unwrap().hosts, ["a.example.com", "b.example.com"]);
        for other in
            ["", "x", "2026-11-22T14:00:00Z plain", r#"2026-11-22T14:00:00Z {"message":"EOF","domains":["a.b"]}"#]
        {
            assert!(failure(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_file_that_is_empty_or_half_written_is_no_certificate() {
        assert_eq!(held(b"").unwrap(), []);
        assert_eq!(held(br#"{"canopy-http":{"Account":{"Email":""},"Certificates":null}}"#).unwrap(), []);
        assert!(held(br#"{"canopy-http":{"#).is_err());
        let odd = br#"{"canopy-http":{"Certificates":[{"domain":{"main":"a.b"},"certificate":"AAAA","key":"x"}]}}"#;
        assert_eq!(held(odd).unwrap(), []);
    }
}
