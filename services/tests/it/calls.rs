//! The operations of accounts, organizations and keys, declared as `app` declares them.

use crate::harness::operations;
use contract::accounts::*;
use contract::api_keys::*;
use contract::audit::*;
use contract::git_credentials::*;
use contract::github_apps::*;
use contract::organizations::*;
use contract::permissions::Permission as P;
use contract::private_keys::*;
use contract::registry_credentials::*;
use contract::{Empty, Page};
use services::{
    accounts, api_keys, audit, git_credentials, github_apps, organizations, private_keys, registry_credentials,
};

operations! {
    SetupState = query "setup.status", Public, accounts::setup_status[Empty] -> SetupStatus;
    Setup = command "setup.complete", Public, accounts::complete_setup[CompleteSetup] -> Me;
    Enter = command "sessions.create", Public, accounts::sign_in[SignIn] -> Me;
    Leave = command "sessions.end", SignedIn, accounts::sign_out[Empty] -> Empty;
    Sessions = query "sessions.list", SignedIn, accounts::list_sessions[Empty] -> Page<Session>;
    EndSession = command "sessions.revoke", SignedIn, accounts::revoke_session[SessionRef] -> Empty;
    Switch = command "sessions.switch_organization", SignedIn,
        accounts::switch_organization[SwitchOrganization] -> Me;
    WhoAmI = query "account.get", SignedIn, accounts::me[Empty] -> Me;
    Rename = command "account.update", SignedIn, accounts::update_account[UpdateAccount] -> Me;
    NewPassword = command "account.change_password", SignedIn, accounts::change_password[ChangePassword] -> Empty;

    GetOrganization = query "organizations.get", Permission(P::OrganizationRead),
        organizations::get[OrganizationRef] -> Organization;
    Organizations = query "organizations.list", SignedIn, organizations::list[ListOrganizations] -> Page<Organization>;
    Invite = command "members.invite", Permission(P::MembersManage),
        organizations::invite[InviteMember] -> NewInvitation;
    Preview = query "invitations.preview", Public,
        organizations::preview_invitation[InvitationToken] -> InvitationPreview;
    Accept = command "invitations.accept", Public, organizations::accept_invitation[AcceptInvitation] -> Me;
    Invitations = query "invitations.list", Permission(P::MembersManage),
        organizations::list_invitations[ListInvitations] -> Page<Invitation>;
    RevokeInvitation = command "invitations.revoke", Permission(P::MembersManage),
        organizations::revoke_invitation[InvitationRef] -> Empty;
    Members = query "members.list", Permission(P::MembersRead), organizations::list_members[ListMembers] -> Page<Member>;
    ChangeMember = command "members.update", Permission(P::MembersManage),
        organizations::update_member[UpdateMember] -> Member;
    RemoveMember = command "members.remove", Permission(P::MembersManage),
        organizations::remove_member[MemberRef] -> Empty;

    CreateKey = command "api_keys.create", Permission(P::ApiKeysManage), api_keys::create[CreateApiKey] -> NewApiKey;
    RotateKey = command "api_keys.rotate", Permission(P::ApiKeysManage), api_keys::rotate[ApiKeyRef] -> NewApiKey;
    RevokeKey = command "api_keys.revoke", Permission(P::ApiKeysManage), api_keys::revoke[ApiKeyRef] -> Empty;
    Keys = query "api_keys.list", Permission(P::ApiKeysRead), api_keys::list[ListApiKeys] -> Page<ApiKey>;

    CreatePrivate = command "private_keys.create", Permission(P::PrivateKeysManage),
        private_keys::create[CreatePrivateKey] -> PrivateKey;
    PrivateKeys = query "private_keys.list", Permission(P::PrivateKeysRead),
        private_keys::list[ListPrivateKeys] -> Page<PrivateKey>;
    DeletePrivate = command "private_keys.delete", Permission(P::PrivateKeysManage),
        private_keys::delete[PrivateKeyRef] -> Empty;

    CreateGit = command "git_credentials.create", Permission(P::PrivateKeysManage),
        git_credentials::create[CreateGitCredential] -> GitCredential;
    GitCredentials = query "git_credentials.list", Permission(P::ApplicationsRead),
        git_credentials::list[ListGitCredentials] -> Page<GitCredential>;
    Repositories = query "git_credentials.repositories", Permission(P::ApplicationsManage),
        git_credentials::repositories[ListRepositories] -> OfferedRepositories;
    Branches = query "git_credentials.branches", Permission(P::ApplicationsManage),
        git_credentials::branches[ListBranches] -> OfferedBranches;
    DeleteGit = command "git_credentials.delete", Permission(P::PrivateKeysManage),
        git_credentials::delete[GitCredentialRef] -> Empty;
    GitHosts = query "git_hosts.list", Permission(P::ApplicationsRead),
        git_credentials::list_hosts[ListGitHosts] -> Page<GitHost>;
    ForgetHost = command "git_hosts.forget", Permission(P::PrivateKeysManage),
        git_credentials::forget_host[GitHostRef] -> Empty;
    CreateRegistry = command "registry_credentials.create", Permission(P::PrivateKeysManage),
        registry_credentials::create[CreateRegistryCredential] -> RegistryCredential;
    Registries = query "registry_credentials.list", Permission(P::ApplicationsRead),
        registry_credentials::list[ListRegistryCredentials] -> Page<RegistryCredential>;
    DeleteRegistry = command "registry_credentials.delete", Permission(P::PrivateKeysManage),
        registry_credentials::delete[RegistryCredentialRef] -> Empty;

    BeginApp = command "github_apps.begin", Permission(P::PrivateKeysManage),
        github_apps::begin[BeginGithubApp] -> GithubAppStart;
    CompleteApp = command "github_apps.complete", Permission(P::PrivateKeysManage),
        github_apps::complete[CompleteGithubApp] -> GitCredential;

    AuditLog = query "audit_events.search", Permission(P::AuditRead),
        audit::search[SearchAuditEvents] -> Page<AuditEvent>;
}
