//! Who sent a request, and what they may do in the organization they act in.

use contract::ids::{ApiKeyId, OrganizationId, SessionId, UserId};
use contract::permissions::{Permission, Role, scope_covers};
use std::net::IpAddr;
use tokio::sync::OnceCell;

/// One request's facts; made by the HTTP edge, read by the gate.
#[derive(Debug)]
pub struct Caller {
    pub request_id: String,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    pub identity: Identity,
    /// The organization that the request names; absent: the session's or key's own.
    pub organization: Option<OrganizationId>,
    pub idempotency_key: Option<String>,
    /// Found once per request, however many operations a page runs.
    pub(crate) authority: OnceCell<Option<Authority>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    Anonymous,
    Person(Person),
    /// The platform itself: workers and the command line.
    System,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub user: UserId,
    pub name: String,
    pub email: String,
    /// The session's present organization, or the one that the key is bound to.
    pub organization: Option<OrganizationId>,
    pub by: Credential,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    Session(SessionId),
    ApiKey { id: ApiKeyId, scopes: Vec<String> },
}

/// The organization in which a caller acts, and with which role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authority {
    pub organization: OrganizationId,
    pub role: Role,
}

impl Authority {
    pub fn allows(&self, permission: Permission) -> bool {
        self.role.allows(permission)
    }
}

impl Caller {
    pub fn new(request_id: String, identity: Identity) -> Self {
        Self {
            request_id,
            address: None,
            user_agent: None,
            identity,
            organization: None,
            idempotency_key: None,
            authority: OnceCell::new(),
        }
    }

    pub fn person(&self) -> Option<&Person> {
        match &self.identity {
            Identity::Person(person) => Some(person),
            Identity::Anonymous | Identity::System => None,
        }
    }

    /// Whose bucket a request is counted in.
    pub(crate) fn rate_subject(&self) -> String {
        match &self.identity {
            Identity::Person(Person { by: Credential::ApiKey { id, .. }, .. }) => format!("key:{id}"),
            Identity::Person(Person { user, .. }) => format!("user:{user}"),
            Identity::System => "system".into(),
            Identity::Anonymous => format!(
                "address:{}",
                self.address.map(|address| crate::accounts::throttle::network(address).to_string()).unwrap_or_default()
            ),
        }
    }

    /// Does the credential cover this operation? Sessions do; keys by their scopes.
    pub(crate) fn credential_covers(&self, operation: &str) -> bool {
        match &self.identity {
            Identity::Person(Person { by: Credential::ApiKey { scopes, .. }, .. }) => {
                scopes.iter().any(|pattern| scope_covers(pattern, operation))
            }
            _ => true,
        }
    }
}

impl Caller {
    /// The rows of the organization that the gate found for this caller.
    pub fn scope(&self) -> Option<entity::Scope> {
        self.authority.get().copied().flatten().map(|authority| entity::Scope::of(authority.organization))
    }

    /// The same request, with nothing found out yet.
    pub fn renewed(&self) -> Self {
        Self {
            address: self.address,
            user_agent: self.user_agent.clone(),
            organization: self.organization,
            ..Self::new(self.request_id.clone(), self.identity.clone())
        }
    }
}
