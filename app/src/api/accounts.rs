//! Set-up, sign-in, sessions and one's own account.

use contract::accounts::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, accounts};

/// Whether this platform still waits for its first account.
#[operation(query, "setup.status", access = public, internal)]
pub async fn setup_status(ctx: &Ctx, input: Empty) -> SetupStatus {
    accounts::setup_status(ctx, input).await
}

/// Creates the first account and the organization at the top of the tree, and signs in.
#[operation(command, "setup.complete", access = public, rate = Authentication, audit = "setup.completed", internal)]
pub async fn complete_setup(ctx: &Ctx, input: CompleteSetup) -> Me {
    accounts::complete_setup(ctx, input).await
}

/// Signs in with e-mail address and password; the answer sets the session cookie.
#[operation(command, "sessions.create", access = public, rate = Authentication, audit = "sessions.created", internal)]
pub async fn sign_in(ctx: &Ctx, input: SignIn) -> Me {
    accounts::sign_in(ctx, input).await
}

/// Signs out of this browser.
#[operation(command, "sessions.end", access = signed_in, audit = "sessions.ended", internal)]
pub async fn sign_out(ctx: &Ctx, input: Empty) -> Empty {
    accounts::sign_out(ctx, input).await
}

/// The caller's signed-in browsers.
#[operation(query, "sessions.list", access = signed_in)]
pub async fn list_sessions(ctx: &Ctx, input: Empty) -> Page<Session> {
    accounts::list_sessions(ctx, input).await
}

/// Signs one of the caller's browsers out.
#[operation(command, "sessions.revoke", access = signed_in, audit = "sessions.revoked")]
pub async fn revoke_session(ctx: &Ctx, input: SessionRef) -> Empty {
    accounts::revoke_session(ctx, input).await
}

/// Chooses the organization that this browser acts in.
#[operation(command, "sessions.switch_organization", access = signed_in, audit = "sessions.organization_switched", internal)]
pub async fn switch_organization(ctx: &Ctx, input: SwitchOrganization) -> Me {
    accounts::switch_organization(ctx, input).await
}

/// Who the caller is, where they act and what they may do there.
#[operation(query, "account.get", access = signed_in)]
pub async fn me(ctx: &Ctx, input: Empty) -> Me {
    accounts::me(ctx, input).await
}

/// Changes the caller's name.
#[operation(command, "account.update", access = signed_in, audit = "account.updated")]
pub async fn update_account(ctx: &Ctx, input: UpdateAccount) -> Me {
    accounts::update_account(ctx, input).await
}

/// Changes the caller's password and signs their other browsers out.
#[operation(command, "account.change_password", access = signed_in, rate = Authentication, audit = "account.password_changed", internal)]
pub async fn change_password(ctx: &Ctx, input: ChangePassword) -> Empty {
    accounts::change_password(ctx, input).await
}

/// What an invitation is about, for whoever holds its link.
#[operation(query, "invitations.preview", access = public, rate = Authentication, internal)]
pub async fn preview_invitation(ctx: &Ctx, input: InvitationToken) -> InvitationPreview {
    services::organizations::preview_invitation(ctx, input).await
}

/// Accepts an invitation and signs in.
#[operation(command, "invitations.accept", access = public, rate = Authentication, audit = "invitations.accepted", internal)]
pub async fn accept_invitation(ctx: &Ctx, input: AcceptInvitation) -> Me {
    services::organizations::accept_invitation(ctx, input).await
}
