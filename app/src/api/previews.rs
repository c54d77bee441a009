//! Previews of pull requests.

use contract::previews::*;
use contract::{Empty, Page};
use macros::operation;
#[cfg(feature = "ssr")]
use services::{Ctx, previews};

/// Whether and how an application has previews.
#[operation(query, "preview_settings.get", access = ApplicationsRead)]
pub async fn settings(ctx: &Ctx, input: PreviewSettingsRef) -> PreviewSettings {
    previews::get_settings(ctx, input).await
}

/// Switches an application's previews on or off, and says where they answer and how long they stay.
#[operation(command, "preview_settings.set", access = ApplicationsManage, audit = "preview_settings.set")]
pub async fn set_settings(ctx: &Ctx, input: PreviewSettings) -> PreviewSettings {
    previews::set_settings(ctx, input).await
}

/// The previews of an application.
#[operation(query, "previews.list", access = ApplicationsRead)]
pub async fn list(ctx: &Ctx, input: ListPreviews) -> Page<Preview> {
    previews::list(ctx, input).await
}

/// Deploys what a fork's pull request is at now; what is pushed to it later waits again.
#[operation(command, "previews.approve", access = DeploymentsManage, rate = Deploy, audit = "previews.approved")]
pub async fn approve(ctx: &Ctx, input: PreviewRef) -> Preview {
    previews::approve(ctx, input).await
}

/// Removes a preview; the next push to its pull request makes it again.
#[operation(command, "previews.delete", access = DeploymentsManage, audit = "previews.deleted")]
pub async fn delete(ctx: &Ctx, input: PreviewRef) -> Empty {
    previews::delete(ctx, input).await
}
