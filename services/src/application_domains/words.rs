//! What an authority or the proxy says of a failure, told so that one can do something about it.

/// What happened, and what to do about it.
pub fn failure(host: &str, said: &str) -> (String, String) {
    let lower = said.to_ascii_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    let of_authority = lower.contains("acme:error:");
    let (reason, hint) = if !of_authority
        && has(&["cannot get acme client", "unable to communicate", "x509", "dial tcp", "lookup ", "timeout"])
    {
        (
            "The certificate authority cannot be reached from the server.".to_owned(),
            "Check the server's way to the internet; the operator may check CANOPY_ACME_DIRECTORY.".to_owned(),
        )
    } else if has(&["nxdomain", "no valid a records", "no such host", "no valid ip addresses"]) {
        (
            format!("{host} has no DNS record that the certificate authority can see."),
            "Add an A or AAAA record that points to the server.".to_owned(),
        )
    } else if has(&["acme:error:dns", "dns problem", "servfail"]) && !has(&["caa"]) {
        (
            format!("The certificate authority could not look up {host}."),
            "Check the domain's name servers and DNSSEC.".to_owned(),
        )
    } else if has(&["acme:error:caa", "caa record", "caa "]) {
        (
            "The domain's CAA record forbids this certificate authority.".to_owned(),
            "Add a CAA record that names the authority, or remove the one that is there.".to_owned(),
        )
    } else if has(&["ratelimited", "rate limit", "too many"]) {
        (
            "The certificate authority has issued or refused too many certificates lately.".to_owned(),
            "Nothing needs to be done; it is asked again later.".to_owned(),
        )
    } else if has(&[
        "acme:error:connection",
        "timeout during connect",
        "connection refused",
        "error getting validation data",
        "acme:error:tls",
    ]) {
        (
            format!("The certificate authority could not reach this server at {host}."),
            "Open ports 80 and 443 in the firewall, and point the domain's DNS record at the server.".to_owned(),
        )
    } else if has(&["unauthorized", "incorrectresponse", "invalid response", "wrong response", "404"]) {
        (
            format!("Another server answers for {host}, so the certificate authority refused."),
            "Point the domain's DNS record at this server, and remove records that point elsewhere.".to_owned(),
        )
    } else if has(&["rejectedidentifier", "forbidden by policy", "not end with a valid public suffix", "policy"]) {
        (
            format!("The certificate authority gives no certificates for names such as {host}."),
            "Choose a public domain name.".to_owned(),
        )
    } else if has(&["invalidcontact", "invalid contact", "contact"]) {
        (
            "The certificate authority refuses the e-mail address in CANOPY_ACME_EMAIL.".to_owned(),
            "The operator has to set another one.".to_owned(),
        )
    } else {
        (
            format!("The certificate authority refused: {}", excerpt(said)),
            "Check that the domain points to this server and that ports 80 and 443 are open.".to_owned(),
        )
    };
    (reason, hint)
}

pub fn silence() -> (String, String) {
    (
        "The certificate authority did not answer in time.".to_owned(),
        "It is asked again; check that ports 80 and 443 of the server are open.".to_owned(),
    )
}

/// The authority's own words, without line breaks and not all of a page.
fn excerpt(said: &str) -> String {
    let plain: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let end = plain.rsplit(" :: ").next().unwrap_or(&plain);
    end.trim().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::failure;

    #[test]
    fn usual_failures_have_words() {
        for (said, part) in [
            (
                "acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: NXDOMAIN looking up A for a.b",
                "no DNS record",
            ),
            (
                "acme: error: 400 :: urn:ietf:params:acme:error:connection :: 1.2.3.4: Timeout during connect",
                "could not reach",
            ),
            (
                "acme: error: 403 :: urn:ietf:params:acme:error:unauthorized :: Invalid response from http://",
                "Another server",
            ),
            ("acme: error: 429 :: urn:ietf:params:acme:error:rateLimited :: too many certificates", "too many"),
            ("acme: error: 403 :: urn:ietf:params:acme:error:caa :: CAA record for a.b prevents issuance", "CAA"),
            ("acme: error: 400 :: urn:ietf:params:acme:error:rejectedIdentifier :: Invalid", "such as a.b"),
            (
                "cannot get ACME client get directory at 'https://x': dial tcp: lookup x: no address",
                "cannot be reached",
            ),
            (
                "unable to communicate with the API server: error: Post \"https://x\": connect: connection refused",
                "cannot be reached",
            ),
            (
                "acme: error: 400 :: urn:ietf:params:acme:error:connection :: Get \"http://a.b\": dial tcp 1.2.3.4:80: refused",
                "could not reach",
            ),
            ("something\nelse :: odd\u{7}", "odd"),
        ] {
            let (reason, hint) = failure("a.b", said);
            assert!(reason.contains(part), "{said}: {reason}");
            assert!(!hint.is_empty() && !reason.contains('\n'));
        }
    }
}
