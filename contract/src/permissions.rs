//! Who may do what: the roles and what each of them carries. Anything not listed is refused.

use macros::wire;

/// A member's role in an organization; it holds for everything below that organization too. In this order each carries
/// what the one before it does, so of two roles that meet in one person the higher one counts.
#[wire(Eq, Copy, PartialOrd, Ord, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Billing,
    Viewer,
    Member,
    Admin,
    Owner,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Billing, Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Billing => "billing",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Default deny: a permission that no arm names is refused.
    pub fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        let reads = matches!(
            permission,
            P::OrganizationRead
                | P::MembersRead
                | P::ProjectsRead
                | P::ApplicationsRead
                | P::VariablesRead
                | P::DeploymentsRead
                | P::ServersRead
        );
        let works = matches!(
            permission,
            P::ProjectsManage
                | P::ApplicationsManage
                | P::ApplicationsTerminal
                | P::VariablesManage
                | P::DeploymentsManage
        );
        let administers = matches!(
            permission,
            P::MembersManage
                | P::ServersManage
                | P::PrivateKeysRead
                | P::PrivateKeysManage
                | P::ApiKeysRead
                | P::ApiKeysManage
                | P::AuditRead
        );
        match self {
            Self::Viewer => reads,
            Self::Billing => matches!(permission, P::OrganizationRead | P::MembersRead),
            Self::Member => reads || works,
            Self::Admin | Self::Owner => reads || works || administers || permission == P::OrganizationManage,
        }
    }

    /// Nobody hands out more than they have.
    pub fn may_grant(self, other: Self) -> bool {
        self >= Self::Admin && other <= self
    }
}

/// What an operation asks for.
#[wire(Eq, Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    OrganizationRead,
    OrganizationManage,
    MembersRead,
    MembersManage,
    ProjectsRead,
    ProjectsManage,
    ApplicationsRead,
    ApplicationsManage,
    /// To run commands in an application's containers: a terminal, scheduled tasks.
    ApplicationsTerminal,
    VariablesRead,
    VariablesManage,
    DeploymentsRead,
    DeploymentsManage,
    ServersRead,
    ServersManage,
    PrivateKeysRead,
    PrivateKeysManage,
    ApiKeysRead,
    ApiKeysManage,
    AuditRead,
}

impl Permission {
    pub const ALL: [Self; 20] = [
        Self::OrganizationRead,
        Self::OrganizationManage,
        Self::MembersRead,
        Self::MembersManage,
        Self::ProjectsRead,
        Self::ProjectsManage,
        Self::ApplicationsRead,
        Self::ApplicationsManage,
        Self::ApplicationsTerminal,
        Self::VariablesRead,
        Self::VariablesManage,
        Self::DeploymentsRead,
        Self::DeploymentsManage,
        Self::ServersRead,
        Self::ServersManage,
        Self::PrivateKeysRead,
        Self::PrivateKeysManage,
        Self::ApiKeysRead,
        Self::ApiKeysManage,
        Self::AuditRead,
    ];
}

/// Does a key's scope pattern (`*`, `deployments.*`, `deployments.get`) cover this operation?
pub fn scope_covers(pattern: &str, operation: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        // "deployments.*" keeps its dot, so it never covers "deployments_other.get".
        Some(prefix) => prefix.ends_with('.') && operation.starts_with(prefix),
        None => pattern == operation,
    }
}
