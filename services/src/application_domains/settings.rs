//! A domain's settings, checked: on their way in, and again whenever rows are read for the proxy.

use crate::Faults;
use crate::values::{BasicAuthUser, HeaderName, HeaderValue};
use contract::application_domains::{Header, NewBasicAuth};
use contract::validation;
use serde::{Deserialize, Serialize};

/// Of each kind.
const MOST_HEADERS: usize = 20;
/// The proxy compares with each request, so a page of fifty files costs fifty times this; a password of twelve
/// characters is not found in the hash all the same.
const BCRYPT_COST: u32 = 8;

pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// As they are stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredHeaders {
    pub request: Vec<Header>,
    pub response: Vec<Header>,
}

pub(super) fn headers(faults: &mut Faults, field: &str, given: &[Header]) -> Headers {
    if given.len() > MOST_HEADERS {
        faults.note(field, format!("Use at most {MOST_HEADERS} headers."));
        return Vec::new();
    }
    let mut checked: Headers = Vec::new();
    for (index, header) in given.iter().enumerate() {
        let name = faults.check(&format!("{field}.{index}.name"), HeaderName::parse(&header.name));
        let value = faults.check(&format!("{field}.{index}.value"), HeaderValue::parse(&header.value));
        let (Some(name), Some(value)) = (name, value) else { continue };
        if checked.iter().any(|(known, _)| known.as_str().eq_ignore_ascii_case(name.as_str())) {
            faults.note(&format!("{field}.{index}.name"), "This header is in the list already.");
            continue;
        }
        checked.push((name, value));
    }
    checked
}

/// A form sends both empty where it is not filled in.
pub(super) fn given_auth(auth: Option<NewBasicAuth>) -> Option<NewBasicAuth> {
    auth.filter(|auth| !auth.user.is_empty() || !auth.password.is_empty())
}

pub(super) fn auth(faults: &mut Faults, auth: &NewBasicAuth) {
    faults.check("basic_auth.user", BasicAuthUser::parse(&auth.user));
    faults.check("basic_auth.password", validation::basic_auth_password(&auth.password));
}

/// Takes some milliseconds: before the transaction, and off the threads that answer.
pub(super) async fn hash(password: String) -> crate::Result<String> {
    tokio::task::spawn_blocking(move || bcrypt::hash(password, BCRYPT_COST))
        .await
        .map_err(crate::Error::internal)?
        .map_err(crate::Error::internal)
}
