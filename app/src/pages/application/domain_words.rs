//! What a domain's settings, certificate and DNS records say, in words.

use crate::ui::{Pill, Tone, time};
use contract::application_domains::{ApplicationDomain, Certificate};
use leptos::prelude::*;

pub(super) fn certificate_pill(certificate: &Certificate) -> AnyView {
    let (tone, text) = match certificate {
        Certificate::None { .. } => (Tone::Neutral, "HTTP"),
        Certificate::Pending { .. } => (Tone::Busy, "Asking"),
        Certificate::Valid { renewal_failed: None, .. } => (Tone::Ok, "HTTPS"),
        Certificate::Valid { .. } => (Tone::Warn, "HTTPS"),
        Certificate::Failed { .. } => (Tone::Bad, "HTTP"),
    };
    view! { <Pill tone=tone text=text /> }.into_any()
}

pub(super) fn certificate_words(certificate: &Certificate) -> String {
    match certificate {
        Certificate::None { reason } => format!("No certificate: {reason}"),
        Certificate::Pending { .. } => "The certificate authority was asked, which takes up to a minute".to_owned(),
        Certificate::Valid { issuer, not_after, renewal_failed } => {
            let until = format!("Certificate of {issuer}, valid until {}", time::short(*not_after));
            match renewal_failed {
                Some(why) => format!("{until}. Its renewal failed: {why}"),
                None => until,
            }
        }
        Certificate::Failed { reason, hint, next_try_at } => {
            let next = next_try_at.map(|at| format!(" Next try {}.", time::short(at))).unwrap_or_default();
            format!("No certificate: {reason} {hint}{next}")
        }
    }
}

/// Nothing where all is as it should be, or nothing is known.
pub(super) fn dns_words(domain: &ApplicationDomain) -> Option<String> {
    let dns = &domain.dns;
    dns.seen_at?;
    if dns.addresses.is_empty() {
        return Some(match dns.server_addresses.first() {
            Some(server) => format!("{} has no DNS record yet: point one at {server}", domain.host),
            None => format!("{} has no DNS record yet: point one at the server", domain.host),
        });
    }
    let (points, server) = (dns.addresses.join(", "), dns.server_addresses.join(", "));
    (dns.points_here == Some(false)).then(|| format!("{} points to {points}, the server is {server}", domain.host))
}

/// What of the settings is not as usual.
pub(super) fn settings_words(domain: &ApplicationDomain) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(target) = &domain.redirect_to {
        let how = if domain.redirect_permanent { "for good" } else { "for now" };
        words.push(format!("Redirects to {target} {how}"));
    }
    if domain.strip_prefix {
        words.push("Path taken away".to_owned());
    }
    if let Some(port) = domain.port {
        words.push(format!("Port {port}"));
    }
    if let Some(user) = &domain.basic_auth_user {
        words.push(format!("Password of {user}"));
    }
    match domain.request_headers.len() + domain.response_headers.len() {
        0 => {}
        1 => words.push("1 header".to_owned()),
        count => words.push(format!("{count} headers")),
    }
    if !domain.force_https {
        words.push("HTTP stays open".to_owned());
    }
    words
}
