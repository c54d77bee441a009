//! Whether a delivery comes from who knows the webhook's secret. Over the bytes as they came, in constant time. Pure.

use super::Provider;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const BLOCK: usize = 64;

/// `header` answers a header's value by its name in lower case.
pub fn verified<'a>(
    provider: Provider,
    secret: &str,
    header: impl Fn(&'static str) -> Option<&'a str>,
    body: &[u8],
) -> bool {
    // Whoever knows nothing knows an empty secret.
    if secret.is_empty() {
        return false;
    }
    match provider {
        Provider::Github => header("x-hub-signature-256").is_some_and(|sent| signed(sent, "sha256=", secret, body)),
        Provider::Bitbucket => header("x-hub-signature").is_some_and(|sent| signed(sent, "sha256=", secret, body)),
        Provider::Gitea => {
            let sent = header("x-gitea-signature").or_else(|| header("x-forgejo-signature"));
            sent.is_some_and(|sent| signed(sent, "", secret, body))
        }
        // The secret itself, as GitLab does it.
        Provider::Gitlab => header("x-gitlab-token").is_some_and(|sent| {
            // Digests have one length, so nothing is told about the secret's.
            Sha256::digest(sent).ct_eq(&Sha256::digest(secret)).into()
        }),
    }
}

fn signed(sent: &str, prefix: &str, secret: &str, body: &[u8]) -> bool {
    let Some(code) = sent.strip_prefix(prefix).and_then(|code| hex::decode(code).ok()) else { return false };
    code.ct_eq(&hmac(secret.as_bytes(), body)).into()
}

/// HMAC-SHA256 (RFC 2104).
pub fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_code_is_the_standards() {
        // RFC 4231, test cases 1, 2 and 6.
        let check = |key: &[u8], text: &[u8], code: &str| assert_eq!(hex::encode(hmac(key, text)), code);
        check(&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
        check(
            b"Jefe",
            b"what do ya want for nothing?",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(
            &[0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First",
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        );
    }

    #[test]
    fn the_example_of_githubs_documentation_holds() {
        let sent = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        let header = |name: &str| (name == "x-hub-signature-256").then_some(sent);
        assert!(verified(Provider::Github, "It's a Secret to Everybody", header, b"Hello, World!"));
        assert!(!verified(Provider::Github, "It's a Secret to Everybody", header, b"Hello, World! "));
        // Right for another provider's header is not right here.
        assert!(!verified(Provider::Bitbucket, "It's a Secret to Everybody", header, b"Hello, World!"));
    }

    fn sent(provider: Provider, secret: &str, body: &[u8]) -> (&'static str, String) {
        let code = hex::encode(hmac(secret.as_bytes(), body));
        match provider {
            Provider::Github => ("x-hub-signature-256", format!("sha256={code}")),
            Provider::Bitbucket => ("x-hub-signature", format!("sha256={code}")),
            Provider::Gitea => ("x-gitea-signature", code),
            Provider::Gitlab => ("x-gitlab-token", secret.to_owned()),
        }
    }

    #[test]
    fn an_empty_secret_opens_nothing() {
        for provider in Provider::ALL {
            let (name, value) = sent(provider, "", b"{}");
            assert!(!verified(provider, "", |asked| (asked == name).then_some(value.as_str()), b"{}"), "{provider:?}");
        }
    }

    proptest! {
        #[test]
        fn only_who_knows_the_secret_is_believed(
            secret in "[ -~]{1,80}",
            other in "[ -~]{0,80}",
            body: Vec<u8>,
            flip: prop::sample::Index,
            which in 0_usize..4,
        ) {
            let provider = Provider::ALL[which];
            let (name, value) = sent(provider, &secret, &body);
            let with = |value: &str, body: &[u8]| {
                let value = value.to_owned();
                verified(provider, &secret, |asked| (asked == name).then_some(value.as_str()), body)
            };
            prop_assert!(with(&value, &body));
            prop_assert!(!verified(provider, &secret, |_| None, &body));
            prop_assert!(!with("", &body));
            prop_assert!(!with(&value[..value.len() - 1], &body));
            prop_assert_eq!(with(&sent(provider, &other, &body).1, &body), other == secret);
            if provider != Provider::Gitlab && !body.is_empty() {
                let mut changed = body.clone();
                let at = flip.index(changed.len());
                changed[at] ^= 1;
                prop_assert!(!with(&value, &changed));
            }
        }
    }
}
