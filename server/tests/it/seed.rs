//! One of everything in one organization, and people who may see it, may not, and are elsewhere.

use super::running::{Running, at};
use contract::ids::*;
use entity::*;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, ConnectionTrait};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub struct Seed {
    pub organization: OrganizationId,
    pub owner: String,
    pub viewer: String,
    pub outsider: String,
    pub without_scope: String,
    /// Field name of an input (`project_id`, or `id` of the room `projects`) to the seeded id.
    pub ids: Vec<(&'static str, String)>,
}

fn new<T: From<uuid::Uuid>>() -> T {
    uuid::Uuid::now_v7().into()
}

impl Seed {
    pub async fn sow(running: &Running) -> Self {
        running.admin_key();
        let database = running.database().await;
        let db = database.write();
        let now = at("2026-11-22T12:00:00Z");
        let organization = organization(db, "Blue").await;
        let elsewhere = self::organization(db, "Red").await;
        let owner = person(db, organization, "owner", &["*"]).await;
        let viewer = person(db, organization, "viewer", &["*"]).await;
        let outsider = person(db, elsewhere, "owner", &["*"]).await;
        let without_scope = person(db, organization, "owner", &["nothing.*"]).await;
        let member = person(db, organization, "member", &["*"]).await;

        let project_id: ProjectId = new();
        let spare_project: ProjectId = new();
        for (id, name) in [(project_id, "shop"), (spare_project, "spare")] {
            let row = project::Model {
                id,
                organization_id: organization,
                name: name.into(),
                description: String::new(),
                created_at: now,
            };
            project::ActiveModel::from(row).insert(db).await.unwrap();
        }
        let environment_id: EnvironmentId = new();
        let row = environment::Model {
            id: environment_id,
            organization_id: organization,
            project_id,
            name: "production".into(),
            created_at: now,
        };
        environment::ActiveModel::from(row).insert(db).await.unwrap();
        let server_id: ServerId = new();
        let row = server::Model {
            id: server_id,
            organization_id: organization,
            name: "one".into(),
            connection: json!({ "kind": "local" }),
            status: "ready".into(),
            checks: json!([]),
            engine_version: None,
            operating_system: None,
            architecture: None,
            cpu_cores: None,
            memory_mb: None,
            http_port: Some(80),
            https_port: Some(443),
            created_at: now,
            validated_at: None,
            last_seen_at: None,
            host_keys: None,
            engine_id: None,
            looks: 0,
            builds: false,
            concurrent_builds: 2,
            concurrent_deployments: 4,
            disk_watermark: 85,
            disk_used: None,
            disk_free: None,
            disk_seen_at: None,
            disk_low_since: None,
        };
        server::ActiveModel::from(row).insert(db).await.unwrap();
        let private_key_id: PrivateKeyId = new();
        let row = private_key::Model {
            id: private_key_id,
            organization_id: organization,
            name: "key".into(),
            public_key: "ssh-ed25519 AAAA".into(),
            fingerprint: "SHA256:x".into(),
            sealed: vec![1],
            created_at: now,
        };
        private_key::ActiveModel::from(row).insert(db).await.unwrap();
        let git_credential_id: GitCredentialId = new();
        let row = git_credential::Model {
            id: git_credential_id,
            organization_id: organization,
            name: "shop".into(),
            kind: "deploy_key".into(),
            username: None,
            private_key_id: Some(private_key_id),
            app: None,
            sealed: None,
            created_at: now,
        };
        git_credential::ActiveModel::from(row).insert(db).await.unwrap();
        let registry_credential_id: RegistryCredentialId = new();
        let row = registry_credential::Model {
            id: registry_credential_id,
            organization_id: organization,
            host: "ghcr.io".into(),
            username: "robot".into(),
            sealed: vec![1],
            created_at: now,
        };
        registry_credential::ActiveModel::from(row).insert(db).await.unwrap();
        let row = git_host_key::Model {
            organization_id: organization,
            host: "sample.example.com".into(),
            keys: "ssh-ed25519 AAAA".into(),
            pinned_at: now,
        };
        git_host_key::ActiveModel::from(row).insert(db).await.unwrap();
        let application_id: ApplicationId = new();
        let row = application::Model {
            id: application_id,
            organization_id: organization,
            project_id,
            environment_id,
            server_id,
            name: "web".into(),
            source: json!({ "kind": "image", "reference": "web:1" }),
            build: json!({ "kind": "none" }),
            port: 8080,
            health_check: None,
            memory_mb: 128,
            cpu_millis: 100,
            run: None,
            desired: "running".into(),
            status: "new".into(),
            status_at: None,
            current_deployment_id: None,
            last_number: 1,
            revision: 1,
            created_at: now,
            deleted_at: None,
        };
        application::ActiveModel::from(row).insert(db).await.unwrap();
        let preview_id: PreviewId = new();
        let row = preview::Model {
            id: preview_id,
            organization_id: organization,
            application_id,
            number: 7,
            title: "A new cart".into(),
            branch: "cart".into(),
            author: "octocat".into(),
            fork: true,
            status: "waiting".into(),
            commit: None,
            runs_as: None,
            pushed_at: now,
            expires_at: now + std::time::Duration::from_secs(3600),
            comment_id: None,
            comment_text: None,
        };
        preview::ActiveModel::from(row).insert(db).await.unwrap();
        let webhook_id: WebhookId = new();
        let row = webhook::Model {
            id: webhook_id,
            organization_id: organization,
            application_id: Some(application_id),
            credential_id: None,
            provider: "gitea".into(),
            sealed: vec![1],
            created_at: now,
        };
        webhook::ActiveModel::from(row).insert(db).await.unwrap();
        let variable_id: VariableId = new();
        let row = environment_variable::Model {
            id: variable_id,
            organization_id: organization,
            application_id,
            key: "TOKEN".into(),
            sealed: vec![1],
            last_four: None,
            build_time: false,
            run_time: true,
            secret: true,
            literal: false,
            multiline: false,
            preview: false,
            refers_to: json!([]),
            updated_at: now,
        };
        environment_variable::ActiveModel::from(row).insert(db).await.unwrap();
        let shared_variable_id: SharedVariableId = new();
        let row = shared_variable::Model {
            id: shared_variable_id,
            organization_id: organization,
            owner_id: organization.0,
            project_id: None,
            environment_id: None,
            key: "REGION".into(),
            sealed: vec![1],
            last_four: None,
            secret: true,
            multiline: false,
            updated_at: now,
        };
        shared_variable::ActiveModel::from(row).insert(db).await.unwrap();
        let domain_id: DomainId = new();
        let row = application_domain::Model {
            id: domain_id,
            organization_id: organization,
            application_id,
            host: "web.example.com".into(),
            path: "/".into(),
            strip_prefix: false,
            port: None,
            redirect_to: None,
            redirect_permanent: true,
            force_https: true,
            auth_user: None,
            auth_sealed: None,
            headers: None,
            position: 0,
            created_at: now,
        };
        application_domain::ActiveModel::from(row).insert(db).await.unwrap();
        let file_id: ApplicationFileId = new();
        let row = application_file::Model {
            id: file_id,
            organization_id: organization,
            application_id,
            path: "/etc/app.toml".into(),
            sealed: vec![1],
            bytes: 1,
            secret: true,
            updated_at: now,
        };
        application_file::ActiveModel::from(row).insert(db).await.unwrap();
        let cleanup_id: CleanupId = new();
        let row = server_cleanup::Model {
            id: cleanup_id,
            organization_id: organization,
            server_id,
            status: "done".into(),
            remove: false,
            volumes: false,
            build_cache: false,
            items: json!([]),
            error: None,
            created_by: None,
            created_at: now,
            finished_at: Some(now),
        };
        server_cleanup::ActiveModel::from(row).insert(db).await.unwrap();
        let deployment_id: DeploymentId = new();
        let row = deployment::Model {
            id: deployment_id,
            organization_id: organization,
            application_id,
            number: 1,
            status: "failed".into(),
            step: None,
            steps: json!([]),
            commit: None,
            commit_message: None,
            commit_author: None,
            committed_at: None,
            branch: None,
            image_digest: None,
            image_tag: None,
            container: None,
            snapshot: vec![1],
            revision: 1,
            failure: None,
            warnings: None,
            rollback_of: None,
            job_id: new(),
            trigger_kind: "person".into(),
            trigger_words: None,
            created_by: None,
            created_at: now,
            started_at: None,
            finished_at: Some(now),
            cancel_requested_at: None,
            force_build: None,
            build_fingerprint: None,
            build_secrets_fingerprint: None,
            build_server_id: None,
        };
        deployment::ActiveModel::from(row).insert(db).await.unwrap();
        let scheduled_task_id: ScheduledTaskId = new();
        let row = scheduled_task::Model {
            id: scheduled_task_id,
            organization_id: organization,
            application_id,
            name: "nightly".into(),
            cron: "30 2 * * *".into(),
            time_zone: "UTC".into(),
            command: json!(["true"]),
            command_line: "true".into(),
            timeout_seconds: 60,
            retries: 0,
            catch_up: false,
            enabled: false,
            keep_runs: 5,
            next_run_at: None,
            created_at: now,
        };
        scheduled_task::ActiveModel::from(row).insert(db).await.unwrap();
        let scheduled_task_run_id: ScheduledTaskRunId = new();
        let row = scheduled_task_run::Model {
            id: scheduled_task_run_id,
            organization_id: organization,
            application_id,
            task_id: scheduled_task_id,
            due_at: now,
            trigger: "schedule".into(),
            status: "succeeded".into(),
            attempt: 1,
            job_id: None,
            container: None,
            mark: None,
            attempt_at: None,
            started_at: Some(now),
            finished_at: Some(now),
            exit_code: Some(0),
            reason: None,
            output_cut: false,
            created_by: None,
        };
        scheduled_task_run::ActiveModel::from(row).insert(db).await.unwrap();
        let invitation_id: InvitationId = new();
        let row = invitation::Model {
            id: invitation_id,
            organization_id: organization,
            email: "open@example.com".into(),
            role: "viewer".into(),
            token_hash: vec![1],
            invited_by: new(),
            created_at: now,
            expires_at: now + std::time::Duration::from_secs(3600),
            accepted_at: None,
        };
        invitation::ActiveModel::from(row).insert(db).await.unwrap();
        let ids = vec![
            ("invitations", invitation_id.to_string()),
            ("projects", spare_project.to_string()),
            ("project_id", project_id.to_string()),
            ("environments", environment_id.to_string()),
            ("environment_id", environment_id.to_string()),
            ("servers", server_id.to_string()),
            ("server_id", server_id.to_string()),
            ("private_keys", private_key_id.to_string()),
            ("private_key_id", private_key_id.to_string()),
            ("git_credentials", git_credential_id.to_string()),
            ("credential_id", git_credential_id.to_string()),
            ("registry_credentials", registry_credential_id.to_string()),
            ("previews", preview_id.to_string()),
            ("webhooks", webhook_id.to_string()),
            ("applications", application_id.to_string()),
            ("application_id", application_id.to_string()),
            ("application_domains", domain_id.to_string()),
            ("environment_variables", variable_id.to_string()),
            ("shared_variables", shared_variable_id.to_string()),
            ("application_files", file_id.to_string()),
            ("server_cleanups", cleanup_id.to_string()),
            ("deployments", deployment_id.to_string()),
            ("deployment_id", deployment_id.to_string()),
            ("scheduled_tasks", scheduled_task_id.to_string()),
            ("task_id", scheduled_task_id.to_string()),
            ("scheduled_task_runs", scheduled_task_run_id.to_string()),
            ("api_keys", member.key_id),
            ("members", member.membership),
            ("sessions", uuid::Uuid::now_v7().to_string()),
            ("organizations", organization.to_string()),
            ("organization_id", organization.to_string()),
        ];
        Self {
            organization,
            owner: owner.key,
            viewer: viewer.key,
            outsider: outsider.key,
            without_scope: without_scope.key,
            ids,
        }
    }

    pub fn id(&self, name: &str) -> Option<&str> {
        self.ids.iter().find(|(each, _)| *each == name).map(|(_, id)| id.as_str())
    }

    /// An input for this operation that is right in every field, with the seeded ids in it.
    pub fn input(&self, operation: &str, schema: &Value, named: &dyn Fn(&str) -> Option<Value>) -> Value {
        let room = operation.split('.').next().unwrap_or_default();
        self.sample(room, "", schema, named)
    }

    fn sample(&self, room: &str, field: &str, schema: &Value, named: &dyn Fn(&str) -> Option<Value>) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
            if name.ends_with("Id") {
                let key = if field == "id" { room } else { field };
                return json!(self.id(key).unwrap_or_else(|| panic!("{room}.{field}: no {name} was seeded")));
            }
            let target = named(name).unwrap_or_else(|| panic!("{room}.{field}: the document has no schema {name}"));
            return self.sample(room, field, &target, named);
        }
        if let Some(options) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
            let option = options.iter().find(|option| option["type"] != "null").unwrap();
            return self.sample(room, field, option, named);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return parts.iter().fold(json!({}), |mut all, part| {
                if let (Some(all), Value::Object(more)) = (all.as_object_mut(), self.sample(room, field, part, named)) {
                    all.extend(more);
                }
                all
            });
        }
        if let Some(values) = schema["enum"].as_array() {
            return values[0].clone();
        }
        let kind = schema["type"].as_str().or_else(|| schema["type"].as_array().and_then(|kinds| kinds[0].as_str()));
        match (kind, field) {
            (Some("object"), _) | (None, "") => {
                let required: Vec<&str> = schema["required"]
                    .as_array()
                    .map(|names| names.iter().filter_map(Value::as_str).collect())
                    .unwrap_or_default();
                let fields = schema["properties"].as_object().cloned().unwrap_or_default();
                fields
                    .iter()
                    .filter(|(name, _)| required.contains(&name.as_str()))
                    .map(|(name, schema)| (name.clone(), self.sample(room, name, schema, named)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
            (Some("string"), "scopes") => json!("projects.list"),
            (Some("string"), "url") => json!("https://git.example.com/team/app.git"),
            (Some("string"), "path") => json!("/main"),
            (Some("string"), "email") => json!("invited@example.com"),
            (Some("string"), "host") => json!("sample.example.com"),
            (Some("string"), "cron") => json!("@daily"),
            (Some("string"), "key") => json!("NAME"),
            (Some("string"), "reference") => json!("web:1"),
            (Some("string"), "name") => json!("sample"),
            (Some("string"), _) => json!("main"),
            (Some("integer"), _) => json!(8080),
            (Some("boolean"), _) => json!(false),
            (Some("array"), _) => json!([self.sample(room, field, &schema["items"], named)]),
            _ => json!("sample"),
        }
    }
}

async fn organization(db: &impl ConnectionTrait, name: &str) -> OrganizationId {
    let id: OrganizationId = new();
    organization::ActiveModel {
        id: Set(id),
        name: Set(name.into()),
        slug: Set(name.to_lowercase()),
        kind: Set("top_branch".into()),
        level: Set(0),
        parent_id: Set(None),
        created_at: Set(at("2026-11-22T12:00:00Z")),
        deleted_at: Set(None),
        host_access: Set(None),
    }
    .insert(db)
    .await
    .unwrap();
    organization_closure::ActiveModel { ancestor_id: Set(id), descendant_id: Set(id), depth: Set(0) }
        .insert(db)
        .await
        .unwrap();
    id
}

struct Seeded {
    key: String,
    key_id: String,
    membership: String,
}

/// A member with a key, as the rows that the operations would make.
async fn person(db: &impl ConnectionTrait, organization: OrganizationId, role: &str, scopes: &[&str]) -> Seeded {
    let now = at("2026-11-22T12:00:00Z");
    let (user, membership, api_key): (UserId, MembershipId, ApiKeyId) = (new(), new(), new());
    user::ActiveModel::from(user::Model {
        id: user,
        email: format!("{user}@example.com"),
        name: role.into(),
        password_hash: "none".into(),
        created_at: now,
        password_changed_at: now,
        disabled_at: None,
    })
    .insert(db)
    .await
    .unwrap();
    membership::ActiveModel::from(membership::Model {
        id: membership,
        organization_id: organization,
        user_id: user,
        role: role.into(),
        created_at: now,
    })
    .insert(db)
    .await
    .unwrap();
    let key = services::api_keys::new_secret();
    api_key::ActiveModel::from(api_key::Model {
        id: api_key,
        organization_id: organization,
        user_id: user,
        name: role.into(),
        prefix: key[..15].into(),
        secret_hash: Sha256::digest(key.as_bytes()).to_vec(),
        scopes: json!(scopes),
        created_at: now,
        expires_at: None,
        last_used_at: None,
        revoked_at: None,
    })
    .insert(db)
    .await
    .unwrap();
    Seeded { key, key_id: api_key.to_string(), membership: membership.to_string() }
}
