//! Domains of an application: where each leads, how visitors are let in, and the state of its certificate.

use crate::ids::{ApplicationId, DomainId};
use chrono::{DateTime, Utc};
use macros::wire;

/// A header that the proxy sets. Without a value it is taken away.
#[wire(Eq)]
pub struct Header {
    /// Letters, digits and hyphens. Those that belong to the connection itself are refused.
    pub name: String,
    /// Visible ASCII, at most 1,024 characters.
    #[serde(default)]
    pub value: String,
}

/// Lets only those in who know a name and a password; the browser asks for them.
#[wire(Eq)]
pub struct NewBasicAuth {
    /// 1 to 64 characters without a colon.
    pub user: String,
    /// 12 to 72 bytes. Kept as a bcrypt hash, never shown again.
    #[secret]
    pub password: String,
}

#[wire]
pub struct ListApplicationDomains {
    pub application_id: ApplicationId,
}

/// Settings that are absent have their defaults.
#[wire]
pub struct AddApplicationDomain {
    pub application_id: ApplicationId,
    /// The host name, such as `shop.example.com`.
    pub host: String,
    /// Only requests below this path: `/api`. Absent: all of them. The longest path that fits wins.
    #[serde(default)]
    pub path: Option<String>,
    /// The application sees the path without the prefix.
    #[serde(default)]
    pub strip_prefix: bool,
    /// The container's port that requests go to; absent: the application's own.
    #[serde(default, deserialize_with = "crate::typed::given_port")]
    pub port: Option<u16>,
    /// Another domain of the application that visitors are sent to instead.
    #[serde(default)]
    pub redirect_to: Option<String>,
    /// Absent: true, the answer is 301, and 308 where a form was sent; else 302 and 307.
    #[serde(default)]
    pub redirect_permanent: Option<bool>,
    /// Absent: true. Visitors of `http://` are sent to `https://` as long as the certificate is valid.
    #[serde(default)]
    pub force_https: Option<bool>,
    #[serde(default)]
    pub basic_auth: Option<NewBasicAuth>,
    /// Set on requests before the application sees them. A form sends a text, `Name: value` on each line.
    #[serde(default, deserialize_with = "crate::typed::headers")]
    pub request_headers: Vec<Header>,
    /// Set on answers.
    #[serde(default, deserialize_with = "crate::typed::headers")]
    pub response_headers: Vec<Header>,
}

/// What is absent stays as it is; the host and the path are the domain itself and stay.
#[wire]
pub struct UpdateApplicationDomain {
    pub id: DomainId,
    #[serde(default)]
    pub strip_prefix: Option<bool>,
    /// 0: the application's own.
    #[serde(default, deserialize_with = "crate::typed::given_port")]
    pub port: Option<u16>,
    /// An empty text ends the redirect.
    #[serde(default)]
    pub redirect_to: Option<String>,
    #[serde(default)]
    pub redirect_permanent: Option<bool>,
    #[serde(default)]
    pub force_https: Option<bool>,
    /// Replaces the name and the password. Where a form leaves both empty, they stay.
    #[serde(default)]
    pub basic_auth: Option<NewBasicAuth>,
    /// True lets everybody in.
    #[serde(default)]
    pub remove_basic_auth: bool,
    /// Replaces all of them.
    #[serde(default, deserialize_with = "crate::typed::given_headers")]
    pub request_headers: Option<Vec<Header>>,
    /// Replaces all of them.
    #[serde(default, deserialize_with = "crate::typed::given_headers")]
    pub response_headers: Option<Vec<Header>>,
}

#[wire]
pub struct ApplicationDomainRef {
    pub id: DomainId,
}

/// The state of a host's certificate, as workers last saw it.
#[wire(Eq)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Certificate {
    /// None, and none is asked for at the moment.
    None { reason: String },
    /// The certificate authority was asked.
    Pending { since: DateTime<Utc> },
    /// Served at `https://`.
    Valid {
        issuer: String,
        not_after: DateTime<Utc>,
        /// Why the last renewal failed.
        renewal_failed: Option<String>,
    },
    /// Not obtained. `http://` answers all the same.
    Failed {
        reason: String,
        /// What to do about it.
        hint: String,
        next_try_at: Option<DateTime<Utc>>,
    },
}

/// Where a host's DNS records point, as workers last saw it.
#[wire(Eq)]
pub struct DnsState {
    pub addresses: Vec<String>,
    /// The server's own addresses, as far as they are known.
    pub server_addresses: Vec<String>,
    /// Absent where it can't be told.
    pub points_here: Option<bool>,
    pub seen_at: Option<DateTime<Utc>>,
}

#[wire]
pub struct ApplicationDomain {
    pub id: DomainId,
    pub application_id: ApplicationId,
    pub host: String,
    /// `/` is all of the host.
    pub path: String,
    /// Where a browser reaches it.
    pub link: String,
    pub strip_prefix: bool,
    pub port: Option<u16>,
    pub redirect_to: Option<String>,
    pub redirect_permanent: bool,
    pub force_https: bool,
    /// Who is let in; the password is never shown.
    pub basic_auth_user: Option<String>,
    pub request_headers: Vec<Header>,
    pub response_headers: Vec<Header>,
    pub certificate: Certificate,
    pub dns: DnsState,
    pub created_at: DateTime<Utc>,
}
