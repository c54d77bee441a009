//! The course of a host's certificate, without I/O: what a look at the proxy makes of what was known. The proxy asks the
//! authority whenever it is told to, and again with every change of any route; so it is told only for as long as an
//! attempt lasts, and after one that failed not before it makes sense to try again. Authorities count failures.

use super::certificate;
use super::words;
use crate::servers::proxy::{CertificateFailure, Challenge, HeldCertificate};
use contract::Time;
use std::time::Duration;

/// An authority that was asked and says nothing for so long will not any more.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// After the first failure, the second...; the last holds for all further ones. Let's Encrypt allows five an hour.
const PAUSES: [Duration; 6] = [minutes(2), minutes(15), minutes(30), minutes(60), minutes(4 * 60), minutes(12 * 60)];

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

/// What is known of a host's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub state: &'static str,
    pub challenge: Challenge,
    pub issuer: Option<String>,
    pub not_after: Option<Time>,
    pub reason: Option<String>,
    pub hint: Option<String>,
    pub attempts: i32,
    pub asked_at: Option<Time>,
    pub next_try_at: Option<Time>,
    /// The newest failure that was taken into account, by the clock of the proxy's machine.
    pub failure_seen_at: Option<Time>,
}

impl Known {
    pub fn nothing() -> Self {
        Self {
            state: certificate::NONE,
            challenge: Challenge::Http,
            issuer: None,
            not_after: None,
            reason: None,
            hint: None,
            attempts: 0,
            asked_at: None,
            next_try_at: None,
            failure_seen_at: None,
        }
    }
}

/// What is known after a look. `wanted`: the host is routed, and a certificate can be had for it.
pub fn after(
    known: &Known,
    host: &str,
    held: Option<&HeldCertificate>,
    failure: Option<&CertificateFailure>,
    wanted: bool,
    now: Time,
) -> Known {
    let newer = failure.filter(|failure| known.failure_seen_at.is_none_or(|seen| failure.at > seen));
    let failure_seen_at = newer.map(|failure| failure.at).or(known.failure_seen_at);
    if let Some(held) = held.filter(|held| held.not_after > now) {
        let renewed = known.not_after != Some(held.not_after);
        return Known {
            state: certificate::VALID,
            issuer: Some(held.issuer.clone()),
            not_after: Some(held.not_after),
            // What failed since is a renewal; what failed before is over.
            reason: match newer {
                Some(failure) if known.state == certificate::VALID => Some(words::failure(host, &failure.reason).0),
                _ => known.reason.clone().filter(|_| known.state == certificate::VALID && !renewed),
            },
            hint: None,
            attempts: 0,
            asked_at: None,
            next_try_at: None,
            failure_seen_at,
            challenge: known.challenge,
        };
    }
    let idle = Known { issuer: None, not_after: None, failure_seen_at, ..known.clone() };
    if !wanted {
        return Known { failure_seen_at, challenge: known.challenge, ..Known::nothing() };
    }
    match known.state {
        certificate::PENDING => match (newer, known.asked_at) {
            (Some(failure), _) => failed(idle, words::failure(host, &failure.reason), now),
            (None, Some(asked)) if now < asked + PATIENCE => idle,
            _ => failed(idle, words::silence(), now),
        },
        certificate::FAILED if known.next_try_at.is_some_and(|next| now < next) => idle,
        // Failures of before the attempt are not its own.
        _ => Known { state: certificate::PENDING, asked_at: Some(now), next_try_at: None, ..idle },
    }
}

/// The other way is tried next: one port may be closed and the other open.
fn failed(known: Known, (reason, hint): (String, String), now: Time) -> Known {
    let pause = PAUSES[usize::try_from(known.attempts).unwrap_or_default().min(PAUSES.len() - 1)];
    Known {
        state: certificate::FAILED,
        challenge: match known.challenge {
            Challenge::Http => Challenge::Tls,
            Challenge::Tls => Challenge::Http,
        },
        reason: Some(reason),
        hint: Some(hint),
        attempts: known.attempts.saturating_add(1),
        asked_at: None,
        next_try_at: Some(now + pause),
        ..known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Time {
        Time::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    /// What a look may find.
    #[derive(Debug, Clone)]
    enum Look {
        Nothing,
        Held,
        Failure,
        Unwanted,
    }

    fn look() -> impl Strategy<Value = (Look, i64)> {
        let kind = prop_oneof![
            6 => Just(Look::Nothing), 1 => Just(Look::Held), 4 => Just(Look::Failure), 1 => Just(Look::Unwanted)
        ];
        (kind, 1i64..400)
    }

    proptest! {
        #[test]
        fn an_authority_is_asked_seldom_and_never_twice_at_once(looks in prop::collection::vec(look(), 1..400)) {
            let mut known = Known::nothing();
            let (mut now, mut newest) = (0, None);
            for (look, pause) in looks {
                now += pause;
                let held = matches!(look, Look::Held).then(|| HeldCertificate {
                    hosts: vec!["a.example.com".into()], issuer: "CA".into(), not_after: at(now + 1000),
                });
                // The proxy fails only while it is told to ask.
                if matches!(look, Look::Failure) && known.state == certificate::PENDING {
                    newest = Some(CertificateFailure { hosts: vec![], at: at(now), reason: "unauthorized".into() });
                }
                let wanted = !matches!(look, Look::Unwanted);
                let next = after(&known, "a.example.com", held.as_ref(), newest.as_ref(), wanted, at(now));
                match next.state {
                    certificate::VALID => prop_assert!(held.is_some() && next.not_after.is_some()),
                    certificate::PENDING => prop_assert!(next.asked_at.is_some() && wanted),
                    certificate::FAILED => prop_assert!(next.next_try_at.is_some() && next.reason.is_some()),
                    _ => prop_assert!(!wanted),
                }
                // Looking again at the same moment changes nothing, but that what just ended may begin again.
                let again = after(&next, "a.example.com", held.as_ref(), newest.as_ref(), wanted, at(now));
                prop_assert_eq!(&again, &next);
                known = next;
            }
        }

        #[test]
        fn failures_of_one_wanted_host_keep_their_distance(pauses in prop::collection::vec(1i64..120, 1..600)) {
            let mut known = Known::nothing();
            let (mut now, mut failures, mut newest) = (0, Vec::new(), None);
            for pause in pauses {
                now += pause;
                if known.state == certificate::PENDING {
                    newest = Some(CertificateFailure { hosts: vec![], at: at(now), reason: "timeout".into() });
                    failures.push(now);
                }
                known = after(&known, "a.example.com", None, newest.as_ref(), true, at(now));
            }
            for window in failures.windows(6) {
                prop_assert!(window[5] - window[0] > 3600, "{:?}", window);
            }
        }
    }

    #[test]
    fn old_failures_are_not_taken_for_new_ones() {
        let old = CertificateFailure { hosts: vec![], at: at(-100), reason: "old".into() };
        let fresh = Known { failure_seen_at: Some(at(-100)), ..Known::nothing() };
        let pending = after(&fresh, "a.b", None, Some(&old), true, at(0));
        assert_eq!(pending.state, certificate::PENDING);
        assert_eq!(after(&pending, "a.b", None, Some(&old), true, at(10)).state, certificate::PENDING);
        let silent = after(&pending, "a.b", None, Some(&old), true, at(301));
        assert_eq!((silent.state, silent.challenge), (certificate::FAILED, Challenge::Tls));
        let new = CertificateFailure { hosts: vec![], at: at(5), reason: "new".into() };
        let failed = after(&pending, "a.b", None, Some(&new), true, at(10));
        assert_eq!((failed.state, failed.next_try_at), (certificate::FAILED, Some(at(130))));
    }

    #[test]
    fn a_certificate_that_is_lost_or_has_run_out_is_asked_for_again() {
        let held = HeldCertificate { hosts: vec![], issuer: "CA".into(), not_after: at(100) };
        let valid = after(&Known::nothing(), "a.b", Some(&held), None, true, at(0));
        assert_eq!(valid.state, certificate::VALID);
        for (held, now) in [(None, 10), (Some(&held), 100)] {
            assert_eq!(after(&valid, "a.b", held, None, true, at(now)).state, certificate::PENDING);
        }
        let failure = CertificateFailure { hosts: vec![], at: at(20), reason: "rateLimited".into() };
        let renewing = after(&valid, "a.b", Some(&held), Some(&failure), true, at(30));
        assert_eq!(renewing.state, certificate::VALID);
        assert!(renewing.reason.is_some());
        let renewed = HeldCertificate { not_after: at(900), ..held };
        assert_eq!(after(&renewing, "a.b", Some(&renewed), Some(&failure), true, at(40)).reason, None);
    }
}
