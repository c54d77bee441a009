//! Members of the organization.

use contract::organizations::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, organizations};

/// Invites a person by e-mail address. The answer carries the link, once.
#[operation(command, "members.invite", access = MembersManage, audit = "members.invited")]
pub async fn invite(ctx: &Ctx, input: InviteMember) -> NewInvitation {
    organizations::invite(ctx, input).await
}

/// Invitations that can still be accepted, newest first, without their links.
#[operation(query, "invitations.list", access = MembersManage)]
pub async fn invitations(ctx: &Ctx, input: ListInvitations) -> Page<Invitation> {
    organizations::list_invitations(ctx, input).await
}

/// Withdraws an invitation: its link opens nothing any more.
#[operation(command, "invitations.revoke", access = MembersManage, audit = "invitations.revoked")]
pub async fn revoke_invitation(ctx: &Ctx, input: InvitationRef) -> Empty {
    organizations::revoke_invitation(ctx, input).await
}

/// The organization's members.
#[operation(query, "members.list", access = MembersRead)]
pub async fn list(ctx: &Ctx, input: ListMembers) -> Page<Member> {
    organizations::list_members(ctx, input).await
}

/// Changes a member's role, at most to the caller's own.
#[operation(command, "members.update", access = MembersManage, audit = "members.updated")]
pub async fn update(ctx: &Ctx, input: UpdateMember) -> Member {
    organizations::update_member(ctx, input).await
}

/// Ends a membership and the keys that the person held here. The last owner stays.
#[operation(command, "members.remove", access = MembersManage, audit = "members.removed")]
pub async fn remove(ctx: &Ctx, input: MemberRef) -> Empty {
    organizations::remove_member(ctx, input).await
}
