//! The organization tree and its members.

use crate::ids::{InvitationId, MembershipId, OrganizationId, UserId};
use crate::permissions::Role;
use chrono::{DateTime, Utc};
use macros::wire;

/// The four levels, from the owner of the platform down.
#[wire(Eq, Copy, Hash)]
#[serde(rename_all = "snake_case")]
pub enum OrganizationType {
    TopBranch,
    MasterBranch,
    SubUser,
    EndUser,
}

impl OrganizationType {
    pub const ALL: [Self; 4] = [Self::TopBranch, Self::MasterBranch, Self::SubUser, Self::EndUser];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::TopBranch => "top_branch",
            Self::MasterBranch => "master_branch",
            Self::SubUser => "sub_user",
            Self::EndUser => "end_user",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// 0 for the top branch, 3 for an end user.
    pub fn level(self) -> i16 {
        match self {
            Self::TopBranch => 0,
            Self::MasterBranch => 1,
            Self::SubUser => 2,
            Self::EndUser => 3,
        }
    }

    /// A parent's children are one level below it.
    pub fn may_hold(self, child: Self) -> bool {
        child.level() == self.level() + 1
    }
}

#[wire]
pub struct OrganizationRef {
    pub id: OrganizationId,
}

#[wire]
pub struct Organization {
    pub id: OrganizationId,
    pub name: String,
    pub slug: String,
    #[serde(rename = "type")]
    pub kind: OrganizationType,
    pub level: i16,
    pub parent_id: Option<OrganizationId>,
    /// The caller's role here.
    pub role: Role,
    pub created_at: DateTime<Utc>,
}

#[wire(Default)]
pub struct ListOrganizations {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct InviteMember {
    pub email: String,
    pub role: Role,
}

/// The only answer that carries the invitation's link.
#[wire]
pub struct NewInvitation {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub expires_at: DateTime<Utc>,
    /// Shown once: hand it to the invited person.
    #[secret]
    pub link: String,
}

#[wire(Default)]
pub struct ListInvitations {
    /// Part of an address.
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

/// An invitation that can still be accepted. Its link is not kept.
#[wire]
pub struct Invitation {
    pub id: InvitationId,
    pub email: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

#[wire]
pub struct InvitationRef {
    pub id: InvitationId,
}

#[wire(Default)]
pub struct ListMembers {
    #[serde(default)]
    pub search: Option<String>,
    #[serde(default)]
    pub limit: Option<u32>,
    #[serde(default)]
    pub cursor: Option<String>,
}

#[wire]
pub struct Member {
    pub id: MembershipId,
    pub user_id: UserId,
    pub email: String,
    pub name: String,
    pub role: Role,
    pub created_at: DateTime<Utc>,
}

#[wire]
pub struct UpdateMember {
    pub id: MembershipId,
    pub role: Role,
}

#[wire]
pub struct MemberRef {
    pub id: MembershipId,
}
