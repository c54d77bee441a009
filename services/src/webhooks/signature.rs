//! Whether a delivery comes from who knows the webhook's secret. Over the bytes as they came, in constant time. Pure.

use super::Provider;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

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
    let code = sent.strip_prefix(prefix).and_then(|code| hex::decode(code).ok());
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok();
    code.zip(mac).is_some_and(|(code, mac)| mac.chain_update(body).verify_slice(&code).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        let code = hex::encode(mac.chain_update(body).finalize().into_bytes());
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
