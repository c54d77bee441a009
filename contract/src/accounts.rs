//! Accounts, sign-in, sessions and the first-run set-up.

use crate::ids::{OrganizationId, SessionId, UserId};
use crate::organizations::Organization;
use crate::permissions::Permission;
use chrono::{DateTime, Utc};
use macros::wire;

/// Whether the platform has an account yet.
#[wire]
pub struct SetupStatus {
    pub needed: bool,
}

/// Creates the first account and the top branch.
#[wire]
pub struct CompleteSetup {
    /// From the link that the server printed.
    #[secret]
    pub token: String,
    pub name: String,
    pub email: String,
    /// 12 characters or more.
    #[secret]
    pub password: String,
    pub organization: String,
}

#[wire]
pub struct SignIn {
    pub email: String,
    #[secret]
    pub password: String,
}

/// Accepts an invitation: signs up, or joins with the account of that address.
#[wire]
pub struct AcceptInvitation {
    #[secret]
    pub token: String,
    #[serde(default)]
    pub name: Option<String>,
    #[secret]
    pub password: String,
}

#[wire]
pub struct InvitationToken {
    #[secret]
    pub token: String,
}

/// What an invitation's holder may know before accepting it.
#[wire]
pub struct InvitationPreview {
    pub email: String,
    pub organization: String,
    pub role: crate::permissions::Role,
    pub expires_at: DateTime<Utc>,
    /// The address has an account already: its password is asked for.
    pub has_account: bool,
}

/// Who asks, where they act, and what they may do there.
#[wire]
pub struct Me {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub organization: Option<Organization>,
    pub permissions: Vec<Permission>,
    pub session_id: Option<SessionId>,
}

impl Me {
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }
}

#[wire]
pub struct UpdateAccount {
    pub name: String,
}

#[wire]
pub struct ChangePassword {
    #[secret]
    pub current_password: String,
    #[secret]
    pub new_password: String,
}

#[wire]
pub struct SwitchOrganization {
    pub id: OrganizationId,
}

#[wire]
pub struct Session {
    pub id: SessionId,
    pub current: bool,
    pub address: Option<String>,
    pub user_agent: Option<String>,
    pub created_at: DateTime<Utc>,
    pub last_seen_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

#[wire]
pub struct SessionRef {
    pub id: SessionId,
}
