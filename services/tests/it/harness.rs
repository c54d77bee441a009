//! A platform per test: its own database, a clock that stands, ports in memory. Each test makes its own
//! organizations, so a leak between tenants shows up as a failing test.

use crate::doubles::{
    MemoryComments, MemoryEngine, MemoryEngines, MemoryGithub, MemoryPlanner, MemoryProxy, MemoryRepository,
    MemoryResolver,
};
use crate::faults::Faults;
use contract::Time;
use contract::ids::{ApiKeyId, OrganizationId, SessionId, UserId};
use contract::permissions::Role;
use entity::{Global, Scope, api_key, job, membership, organization, organization_closure, user};
use futures::FutureExt;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, Select};
use services::Platform;
use services::caller::{Caller, Credential, Identity, Person};
use services::clock::{Clock, ManualClock, new_id};
use services::database::Database;
use services::deployments::Pace;
use services::jobs::{Runner, RunnerSettings};
use services::keyring::Keyring;
use services::operation::{Answer, Operation, Refusal, perform};
use services::platform::Settings;
use services::terminals::TerminalLimits;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Everything a test holds; cheap to clone into tasks.
#[derive(Clone)]
pub struct Harness {
    pub platform: Arc<Platform>,
    pub clock: Arc<ManualClock>,
    pub engines: Arc<MemoryEngines>,
    pub proxy: Arc<MemoryProxy>,
    pub repository: Arc<MemoryRepository>,
    pub resolver: Arc<MemoryResolver>,
    pub github: Arc<MemoryGithub>,
    pub comments: Arc<MemoryComments>,
    /// Of all three.
    pub faults: Arc<Faults>,
    /// Emptied and removed after the test.
    pub folder: PathBuf,
}

/// One organization and its owner.
#[derive(Clone)]
pub struct Tenant {
    pub organization: OrganizationId,
    pub scope: Scope,
    pub owner: Arc<Caller>,
    pub owner_id: UserId,
}

/// Runs the test on SQLite, then on the PostgreSQL that `CANOPY_TEST_POSTGRES` names.
pub async fn on_each_database(test: impl AsyncFn(Harness)) {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::sqlite(&folder.path().join("canopy.db")).await.unwrap();
    run("SQLite", database, &test).await;
    drop(folder);

    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let Ok(url) = std::env::var("CANOPY_TEST_POSTGRES") else {
        eprintln!("skipped: {name}: its PostgreSQL half, CANOPY_TEST_POSTGRES is not set");
        return;
    };
    let own = format!("canopy_test_{}", uuid::Uuid::now_v7().simple());
    let server = sea_orm::Database::connect(&url).await.unwrap();
    server.execute_unprepared(&format!("CREATE DATABASE {own}")).await.unwrap();
    let mut address = url::Url::parse(&url).unwrap();
    address.set_path(&own);
    let outcome = AssertUnwindSafe(async {
        let database = Database::postgres(address.as_str(), 12).await.unwrap();
        run("PostgreSQL", database, &test).await;
    })
    .catch_unwind()
    .await;
    server.execute_unprepared(&format!("DROP DATABASE {own} WITH (FORCE)")).await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

async fn run(kind: &str, database: Database, test: &impl AsyncFn(Harness)) {
    Migrator::up(database.write(), None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let harness = Harness::new(database.clone(), folder.path().to_owned());
    let outcome = AssertUnwindSafe(async {
        test(harness).await;
        let left = jobs_left().all(database.write()).await.unwrap();
        assert!(left.is_empty(), "the test left work behind (see Harness::run_jobs): {left:#?}");
    })
    .catch_unwind()
    .await;
    database.close().await;
    if let Err(panic) = outcome {
        eprintln!("failed on {kind}");
        std::panic::resume_unwind(panic);
    }
}

/// Jobs that wait or run.
fn jobs_left() -> Select<job::Entity> {
    job::Entity::rows().filter(job::Column::Status.is_in(["queued", "running"]))
}

impl Harness {
    fn new(database: Database, folder: PathBuf) -> Self {
        let clock = Arc::new(ManualClock::at("2026-03-01T12:00:00Z".parse().unwrap()));
        let faults = Arc::new(Faults::default());
        let engine = Arc::new(MemoryEngine { faults: faults.clone(), ..MemoryEngine::default() });
        let engines = Arc::new(MemoryEngines { engine, ..MemoryEngines::default() });
        let proxy = Arc::new(MemoryProxy { faults: faults.clone(), ..MemoryProxy::default() });
        let repository = Arc::new(MemoryRepository { faults: faults.clone(), ..MemoryRepository::default() });
        let resolver = Arc::new(MemoryResolver::default());
        let github = Arc::new(MemoryGithub::default());
        let comments = Arc::new(MemoryComments::default());
        let platform = Arc::new(Platform {
            database,
            clock: clock.clone(),
            keyring: Keyring::new(&[42; 32]),
            engines: engines.clone(),
            proxy: proxy.clone(),
            repository: repository.clone(),
            planner: Arc::new(MemoryPlanner),
            resolver: resolver.clone(),
            github: github.clone(),
            comments: comments.clone(),
            // Tests ask often; the limits have tests of their own.
            limits: services::limits::RateLimits::new(1000),
            live: services::live::Live::default(),
            tails: Default::default(),
            jobs: services::jobs::Waker::default(),
            deaths: Default::default(),
            settings: Settings {
                instance_id: "0a1b2c3d".into(),
                public_url: "http://Canopy.test".into(),
                github_url: "https://github.com".into(),
                http_port: 8080,
                https_port: 8443,
                acme: None,
                work_folder: folder.join("work"),
                static_server: folder.join("static-server"),
                nixpacks_image: "nixpacks:test".into(),
                images_kept: 3,
                pace: Pace {
                    steady: Duration::from_millis(60),
                    drain: Duration::from_millis(60),
                    stop_grace: Duration::from_millis(20),
                    route: Duration::from_secs(2),
                    call: Duration::from_millis(700),
                    poll: Duration::from_millis(10),
                },
                terminals: TerminalLimits {
                    idle: Duration::from_secs(20),
                    longest: Duration::from_secs(40),
                    per_person: 2,
                    checked_every: Duration::from_millis(50),
                },
            },
        });
        Self { platform, clock, engines, proxy, repository, resolver, github, comments, faults, folder }
    }

    /// The same platform with other settings.
    pub fn with_settings(&self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.platform.settings.clone();
        change(&mut settings);
        let platform = Arc::new(Platform {
            database: self.platform.database.clone(),
            clock: self.clock.clone(),
            keyring: self.platform.keyring.clone(),
            engines: self.engines.clone(),
            proxy: self.proxy.clone(),
            repository: self.repository.clone(),
            github: self.github.clone(),
            comments: self.comments.clone(),
            planner: Arc::new(MemoryPlanner),
            resolver: self.resolver.clone(),
            limits: services::limits::RateLimits::new(1000),
            live: self.platform.live.clone(),
            tails: Default::default(),
            deaths: Default::default(),
            jobs: services::jobs::Waker::default(),
            settings,
        });
        Self { platform, ..self.clone() }
    }

    pub fn now(&self) -> Time {
        self.clock.now()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Runs what is queued, and what that queues, with the platform's own runner; reconcilers pass along. Jobs that
    /// wait for a later time run when the test moves the clock.
    pub async fn run_jobs(&self) {
        let stop = CancellationToken::new();
        let quick = Duration::from_millis(10);
        let settings = RunnerSettings { poll: quick, heartbeat: quick * 10, ..RunnerSettings::default() };
        let runner = tokio::spawn(Runner::new(self.platform.clone(), settings).run(stop.clone()));
        let mut tick = tokio::time::interval(quick);
        let left = async {
            while jobs_left()
                .filter(job::Column::RunAt.lte(self.now()))
                .one(self.platform.database.read())
                .await
                .unwrap()
                .is_some()
            {
                tick.tick().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(60), left).await.is_ok();
        stop.cancel();
        runner.await.unwrap();
        let left = jobs_left().all(self.platform.database.read()).await.unwrap();
        assert!(in_time, "jobs do not come to an end: {left:#?}");
    }

    /// A top branch with an owner; nobody else's.
    pub async fn organization(&self, name: &str) -> Tenant {
        let db = self.platform.database.write();
        let now = self.clock.now();
        let id: OrganizationId = new_id();
        organization::Entity::insert(organization::ActiveModel {
            id: Set(id),
            name: Set(name.to_owned()),
            slug: Set(format!("o{}", id.0.simple())),
            kind: Set("top_branch".into()),
            level: Set(0),
            parent_id: Set(None),
            created_at: Set(now),
            deleted_at: Set(None),
            host_access: Set(None),
        })
        .exec_without_returning(db)
        .await
        .unwrap();
        organization_closure::Entity::insert(organization_closure::ActiveModel {
            ancestor_id: Set(id),
            descendant_id: Set(id),
            depth: Set(0),
        })
        .exec_without_returning(db)
        .await
        .unwrap();
        self.tenant_of(id).await
    }

    /// A new person with this role.
    pub async fn member(&self, tenant: &Tenant, role: Role) -> Arc<Caller> {
        let person = self.person(tenant.organization, role).await;
        Arc::new(Caller::new("request".into(), Identity::Person(person)))
    }

    /// A new owner of an organization that exists.
    pub async fn tenant_of(&self, organization: OrganizationId) -> Tenant {
        let person = self.person(organization, Role::Owner).await;
        let owner_id = person.user;
        let owner = Arc::new(Caller::new("request".into(), Identity::Person(person)));
        Tenant { organization, scope: Scope::of(organization), owner, owner_id }
    }

    /// Makes a person who exists a member here too.
    pub async fn join(&self, tenant: &Tenant, user: UserId, role: Role) {
        membership::Entity::insert(membership::ActiveModel {
            id: Set(new_id()),
            organization_id: Set(tenant.organization),
            user_id: Set(user),
            role: Set(role.as_str().to_owned()),
            created_at: Set(self.clock.now()),
        })
        .exec_without_returning(self.platform.database.write())
        .await
        .unwrap();
    }

    /// A key of the tenant's owner.
    pub async fn key(&self, tenant: &Tenant, scopes: &[&str]) -> Arc<Caller> {
        let id: ApiKeyId = new_id();
        api_key::Entity::insert(api_key::ActiveModel {
            id: Set(id),
            organization_id: Set(tenant.organization),
            user_id: Set(tenant.owner_id),
            name: Set("test".into()),
            prefix: Set("canopy_test".into()),
            secret_hash: Set(id.0.as_bytes().to_vec()),
            scopes: Set(serde_json::json!(scopes)),
            created_at: Set(self.clock.now()),
            expires_at: Set(None),
            last_used_at: Set(None),
            revoked_at: Set(None),
        })
        .exec_without_returning(self.platform.database.write())
        .await
        .unwrap();
        let mut person = tenant.owner.person().unwrap().clone();
        person.by = Credential::ApiKey { id, scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect() };
        Arc::new(Caller::new("request".into(), Identity::Person(person)))
    }

    pub fn anonymous(&self) -> Arc<Caller> {
        Arc::new(Caller::new("request".into(), Identity::Anonymous))
    }

    /// The same caller with something about the request changed.
    pub fn with(&self, caller: &Caller, change: impl FnOnce(&mut Caller)) -> Arc<Caller> {
        let mut caller = another_request(caller);
        change(&mut caller);
        Arc::new(caller)
    }

    async fn person(&self, organization: OrganizationId, role: Role) -> Person {
        let db = self.platform.database.write();
        let now = self.clock.now();
        let id: UserId = new_id();
        let email = format!("{}-{}@example.com", role.as_str(), id.0.simple());
        user::Entity::insert(user::ActiveModel {
            id: Set(id),
            email: Set(email.clone()),
            name: Set(role.as_str().to_owned()),
            // No password has this hash.
            password_hash: Set("!".into()),
            created_at: Set(now),
            password_changed_at: Set(now),
            disabled_at: Set(None),
        })
        .exec_without_returning(db)
        .await
        .unwrap();
        membership::Entity::insert(membership::ActiveModel {
            id: Set(new_id()),
            organization_id: Set(organization),
            user_id: Set(id),
            role: Set(role.as_str().to_owned()),
            created_at: Set(now),
        })
        .exec_without_returning(db)
        .await
        .unwrap();
        Person {
            user: id,
            name: role.as_str().to_owned(),
            email,
            organization: Some(organization),
            by: Credential::Session(new_id::<SessionId>()),
        }
    }

    /// Calls an operation through the gate, as a request of its own.
    pub async fn call<O: Operation>(&self, caller: &Caller, input: O::Input) -> Result<Answer<O::Output>, Refusal> {
        perform::<O>(&self.platform, &Arc::new(another_request(caller)), input).await
    }

    /// The output of a call that must succeed.
    pub async fn ok<O: Operation>(&self, caller: &Caller, input: O::Input) -> O::Output {
        match self.call::<O>(caller, input).await {
            Ok(answer) => answer.output,
            Err(refusal) => panic!("{} was refused: {:?}", O::spec().name, refusal.error),
        }
    }

    /// The error of a call that must fail.
    pub async fn refused<O: Operation>(&self, caller: &Caller, input: O::Input) -> contract::Error {
        match self.call::<O>(caller, input).await {
            Ok(_) => panic!("{} was not refused", O::spec().name),
            Err(refusal) => refusal.error,
        }
    }
}

/// What a caller may do is found once per request, so each call gets a request of its own.
fn another_request(caller: &Caller) -> Caller {
    let mut another = Caller::new(caller.request_id.clone(), caller.identity.clone());
    another.address = caller.address;
    another.user_agent.clone_from(&caller.user_agent);
    another.organization = caller.organization;
    another.idempotency_key.clone_from(&caller.idempotency_key);
    another
}

/// Declares operations around rules, as `app` does with `#[operation]`:
/// `Name = command "room.verb", Permission(Permission::X), path::to::rule[Input] -> Output;`
macro_rules! operations {
    ($($name:ident = $kind:ident $operation:literal, $access:ident $(($permission:expr))?,
        $rule:path[$input:ty] -> $output:ty;)+) => { $(
        pub struct $name;

        impl services::operation::Operation for $name {
            type Input = $input;
            type Output = $output;

            fn spec() -> &'static services::operation::Spec {
                use services::operation::{Access, Kind, RateClass, Spec};
                static SPEC: Spec = Spec {
                    name: $operation,
                    kind: crate::harness::operations!(@kind $kind),
                    access: Access::$access $(($permission))?,
                    rate: RateClass::Read,
                    audit: crate::harness::operations!(@audit $kind $operation),
                    internal: false,
                    doc: "",
                };
                &SPEC
            }

            async fn run(ctx: &services::Ctx, input: $input) -> services::Result<$output> {
                $rule(ctx, input).await
            }
        }
    )+ };
    (@kind command) => { Kind::Command };
    (@kind query) => { Kind::Query };
    (@audit command $operation:literal) => { Some($operation) };
    (@audit query $operation:literal) => { None };
}
pub(crate) use operations;
