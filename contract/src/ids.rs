//! Typed ids: a UUIDv7 each, so a project's id can't be passed where an application's is wanted.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[cfg_attr(feature = "orm", derive(sea_orm::DeriveValueType))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        // A primary key must say how it comes from an integer; ours never does.
        #[cfg(feature = "orm")]
        impl sea_orm::TryFromU64 for $name {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($name)))
            }
        }
    )+};
}

id! {
    ApiKeyId,
    ApplicationFileId,
    CleanupId,
    ApplicationId,
    AuditEventId,
    DeploymentId,
    DomainId,
    EnvironmentId,
    GitCredentialId,
    InvitationId,
    JobId,
    MembershipId,
    OrganizationId,
    PreviewId,
    PrivateKeyId,
    ProjectId,
    ScheduledTaskId,
    ScheduledTaskRunId,
    RegistryCredentialId,
    ServerId,
    SessionId,
    SharedVariableId,
    TerminalSessionId,
    UserId,
    VariableId,
    WebhookDeliveryId,
    WebhookId,
}
