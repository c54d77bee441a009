//! Makes what the plan says, one operation after the other. What fails is told, and what does not hang on it goes on; what
//! is there already stays as it is.

use super::calls::Calls;
use super::report::{Line, Outcome};
use app::api;
use contract::Error;
use contract::application_domains::AddApplicationDomain;
use contract::applications::{ApplicationRef, CreateApplication, ListApplications};
use contract::ids::{ApplicationId, EnvironmentId, PrivateKeyId, ProjectId, ServerId};
use contract::private_keys::{CreatePrivateKey, ListPrivateKeys};
use contract::projects::{CreateEnvironment, CreateProject, ListProjects, ProjectRef};
use contract::servers::{Connection, CreateServer, ListServers, ServerRef};
use contract::variables::{ListSharedVariables, ListVariables, SetSharedVariable, SetVariable};
use serde_json::{Value, json};
use services::Platform;
use services::caller::Person;
use services::imports::{Application, Environment, Key, Level, Plan, Project, Reach, Server, SharedVariable, Variable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use uuid::Uuid;

/// What would come of the plan, with what this version does not take of it.
pub fn expected(plan: &Plan) -> Vec<Line> {
    let mut lines: Vec<Line> = plan.rows().into_iter().map(Line::planned).collect();
    for application in &plan.applications {
        let (environment, server) = (Uuid::nil().into(), Uuid::nil().into());
        let notes = match read(application, &application.input, environment, server) {
            Ok((_, notes)) => notes,
            Err(why) => vec![why],
        };
        let line = lines.iter_mut().find(|line| line.row.kind == "application" && line.row.id == application.id);
        if let Some(line) = line {
            line.row.notes.extend(notes);
        }
    }
    lines
}

pub async fn carry_out(platform: &Arc<Platform>, person: Person, plan: &Plan) -> Result<Vec<Line>, String> {
    let mut work = Work {
        calls: Calls::new(platform, person)?,
        lines: expected(plan).into_iter(),
        done: Vec::new(),
        keys: BTreeMap::new(),
        servers: BTreeMap::new(),
        projects: BTreeMap::new(),
        environments: BTreeMap::new(),
    };
    for key in &plan.keys {
        let made = work.key(key).await?;
        work.tell(made);
    }
    for server in &plan.servers {
        let made = work.server(server).await?;
        work.tell(made);
    }
    for project in &plan.projects {
        let made = work.project(project).await?;
        work.tell(made);
        for environment in &project.environments {
            let made = work.environment(project, environment).await?;
            work.tell(made);
        }
    }
    for shared in &plan.shared {
        let made = work.shared(shared).await;
        work.tell(made);
    }
    for application in &plan.applications {
        let made = work.application(application).await?;
        work.tell(made);
    }
    work.done.extend(work.lines);
    Ok(work.done)
}

/// What became of one object. `Err` is why it could not be made.
type Made = Result<(Outcome, Option<Uuid>, Vec<String>), String>;

struct Work {
    calls: Calls,
    /// The lines of the report, in the plan's order.
    lines: std::vec::IntoIter<Line>,
    done: Vec<Line>,
    keys: BTreeMap<String, PrivateKeyId>,
    servers: BTreeMap<String, ServerId>,
    projects: BTreeMap<String, ProjectId>,
    environments: BTreeMap<String, EnvironmentId>,
}

impl Work {
    fn tell(&mut self, made: Made) {
        let Some(mut line) = self.lines.next() else { return };
        match made {
            Ok((outcome, id, notes)) => {
                line.outcome = outcome;
                line.made = id.map(|id| id.to_string());
                line.row.notes.extend(notes);
            }
            Err(why) => {
                line.outcome = Outcome::Failed;
                line.row.notes.push(why);
            }
        }
        self.done.push(line);
    }

    /// Of a kind, what is there of those with this name or with the id that was remembered.
    async fn present(
        &self,
        kind: &str,
        theirs: &str,
        is_there: impl AsyncFn(Option<Uuid>) -> Result<Option<Uuid>, Error>,
    ) -> Result<Option<Uuid>, String> {
        let known = self.calls.known(kind, theirs).await?;
        let found = is_there(known).await.map_err(|error| error.detail)?;
        if let Some(found) = found.filter(|found| Some(*found) != known) {
            self.calls.remember(kind, theirs, found).await?;
        }
        Ok(found)
    }

    async fn key(&mut self, key: &Key) -> Result<Made, String> {
        let there = async |known: Option<Uuid>| {
            let search = ListPrivateKeys { search: Some(key.name.clone()), limit: Some(200), cursor: None };
            let all = self.calls.call::<api::private_keys::ListCall>(search).await?.items;
            let found = all.iter().find(|one| Some(one.id.0) == known);
            Ok(found.or_else(|| all.iter().find(|one| one.name == key.name)).map(|one| one.id.0))
        };
        if let Some(id) = self.present("private_key", &key.id, there).await? {
            self.keys.insert(key.id.clone(), id.into());
            return Ok(Ok((Outcome::Kept, Some(id), Vec::new())));
        }
        let input = CreatePrivateKey { name: key.name.clone(), private_key: key.private_key.clone() };
        let made = match self.calls.call::<api::private_keys::CreateCall>(input).await {
            Ok(made) => made,
            Err(error) => return Ok(Err(error.detail)),
        };
        self.calls.remember("private_key", &key.id, made.id.0).await?;
        self.keys.insert(key.id.clone(), made.id);
        let notes = match key.private_key {
            None => vec![format!("Its public key: {}", made.public_key)],
            Some(_) => Vec::new(),
        };
        Ok(Ok((Outcome::Made, Some(made.id.0), notes)))
    }

    async fn server(&mut self, server: &Server) -> Result<Made, String> {
        let there = async |known: Option<Uuid>| {
            if let Some(id) = known
                && self.calls.call::<api::servers::GetCall>(ServerRef { id: id.into() }).await.is_ok()
            {
                return Ok(Some(id));
            }
            let local = server.reach == Reach::Local;
            let search = if local { None } else { Some(server.name.clone()) };
            let list = ListServers { search, limit: Some(200), ..Default::default() };
            let all = self.calls.call::<api::servers::ListCall>(list).await?.items;
            let found = all.iter().find(|one| match local {
                true => one.connection == Connection::Local,
                false => one.name == server.name,
            });
            Ok(found.map(|one| one.id.0))
        };
        if let Some(id) = self.present("server", &server.id, there).await? {
            self.servers.insert(server.id.clone(), id.into());
            return Ok(Ok((Outcome::Kept, Some(id), Vec::new())));
        }
        let connection = match &server.reach {
            Reach::Local => Connection::Local,
            Reach::Ssh { host, port, user, key } => {
                let Some(key) = self.keys.get(key) else { return Ok(Err("Its key could not be made.".into())) };
                let reach = json!({ "kind": "ssh", "host": host, "port": port, "user": user, "private_key_id": key });
                match serde_json::from_value(reach) {
                    Ok(connection) => connection,
                    Err(_) => return Ok(Err("How it is reached is not taken here.".into())),
                }
            }
        };
        let made = self.calls.call::<api::servers::CreateCall>(CreateServer { name: server.name.clone(), connection });
        match made.await {
            Ok(made) => {
                self.calls.remember("server", &server.id, made.id.0).await?;
                self.servers.insert(server.id.clone(), made.id);
                Ok(Ok((Outcome::Made, Some(made.id.0), Vec::new())))
            }
            Err(error) => Ok(Err(error.detail)),
        }
    }

    async fn project(&mut self, project: &Project) -> Result<Made, String> {
        let there = async |known: Option<Uuid>| {
            if let Some(id) = known
                && self.calls.call::<api::projects::GetCall>(ProjectRef { id: id.into() }).await.is_ok()
            {
                return Ok(Some(id));
            }
            let list = ListProjects { search: Some(project.name.clone()), limit: Some(200), cursor: None };
            let all = self.calls.call::<api::projects::ListCall>(list).await?.items;
            Ok(all.iter().find(|one| one.name == project.name).map(|one| one.id.0))
        };
        if let Some(id) = self.present("project", &project.id, there).await? {
            self.projects.insert(project.id.clone(), id.into());
            return Ok(Ok((Outcome::Kept, Some(id), Vec::new())));
        }
        let description = Some(project.description.clone()).filter(|text| !text.is_empty());
        let input = CreateProject { name: project.name.clone(), description };
        match self.calls.call::<api::projects::CreateCall>(input).await {
            Ok(made) => {
                self.calls.remember("project", &project.id, made.id.0).await?;
                self.projects.insert(project.id.clone(), made.id);
                Ok(Ok((Outcome::Made, Some(made.id.0), Vec::new())))
            }
            Err(error) => Ok(Err(error.detail)),
        }
    }

    async fn environment(&mut self, project: &Project, environment: &Environment) -> Result<Made, String> {
        let Some(project) = self.projects.get(&project.id).copied() else {
            return Ok(Err("Its project could not be made.".into()));
        };
        let there = async |known: Option<Uuid>| {
            let project = self.calls.call::<api::projects::GetCall>(ProjectRef { id: project }).await?;
            let found = project.environments.iter().find(|one| Some(one.id.0) == known);
            let found = found.or_else(|| project.environments.iter().find(|one| one.name == environment.name));
            Ok(found.map(|one| one.id.0))
        };
        if let Some(id) = self.present("environment", &environment.id, there).await? {
            self.environments.insert(environment.id.clone(), id.into());
            return Ok(Ok((Outcome::Kept, Some(id), Vec::new())));
        }
        let input = CreateEnvironment { project_id: project, name: environment.name.clone() };
        match self.calls.call::<api::projects::CreateEnvironmentCall>(input).await {
            Ok(made) => {
                self.calls.remember("environment", &environment.id, made.id.0).await?;
                self.environments.insert(environment.id.clone(), made.id);
                Ok(Ok((Outcome::Made, Some(made.id.0), Vec::new())))
            }
            Err(error) => Ok(Err(error.detail)),
        }
    }

    async fn shared(&self, shared: &SharedVariable) -> Made {
        let (project_id, environment_id) = match &shared.level {
            Level::Organization => (None, None),
            Level::Project(id) => (Some(*self.projects.get(id).ok_or("Its project could not be made.")?), None),
            Level::Environment(id) => {
                (None, Some(*self.environments.get(id).ok_or("Its environment could not be made.")?))
            }
        };
        let list = ListSharedVariables { project_id, environment_id, search: None };
        let known = self.calls.call::<api::environment_variables::ListSharedCall>(list).await;
        let known = known.map_err(|error| error.detail)?.items;
        if let Some(known) = known.iter().find(|known| known.key == shared.variable.key) {
            return Ok((Outcome::Kept, Some(known.id.0), Vec::new()));
        }
        let input = SetSharedVariable {
            project_id,
            environment_id,
            key: shared.variable.key.clone(),
            value: shared.variable.value.clone(),
            secret: shared.variable.secret,
            multiline: shared.variable.multiline,
            keep_value: false,
        };
        let made = self.calls.call::<api::environment_variables::SetSharedCall>(input).await;
        let made = made.map_err(|error| error.detail)?;
        Ok((Outcome::Made, Some(made.id.0), Vec::new()))
    }

    async fn application(&mut self, application: &Application) -> Result<Made, String> {
        let Some(environment) = self.environments.get(&application.environment).copied() else {
            return Ok(Err("Its environment could not be made.".into()));
        };
        let Some(server) = self.servers.get(&application.server).copied() else {
            return Ok(Err("Its server could not be made.".into()));
        };
        let there = async |known: Option<Uuid>| {
            if let Some(id) = known
                && self.calls.call::<api::applications::GetCall>(ApplicationRef { id: id.into() }).await.is_ok()
            {
                return Ok(Some(id));
            }
            let list = ListApplications {
                environment_id: Some(environment),
                search: Some(application.name.clone()),
                limit: Some(200),
                ..Default::default()
            };
            let all = self.calls.call::<api::applications::ListCall>(list).await?.items;
            Ok(all.iter().find(|one| one.name == application.name).map(|one| one.id.0))
        };
        let (outcome, id, mut notes) = match self.present("application", &application.id, there).await? {
            Some(id) => (Outcome::Kept, id, Vec::new()),
            None => match self.create(application, environment, server).await {
                Ok((id, notes)) => {
                    self.calls.remember("application", &application.id, id).await?;
                    (Outcome::Made, id, notes)
                }
                Err(why) => return Ok(Err(why)),
            },
        };
        // Once: whoever removed one here since meant it.
        if self.calls.known("application_domains", &application.id).await? != Some(id) {
            self.domains(id, application, &mut notes).await;
            self.calls.remember("application_domains", &application.id, id).await?;
        }
        if let Err(why) = self.variables(id.into(), &application.variables, &mut notes).await {
            return Ok(Err(why));
        }
        Ok(Ok((outcome, Some(id), notes)))
    }

    /// What of it is refused by itself is left out and told: the application comes over without it.
    async fn create(
        &self,
        application: &Application,
        environment: EnvironmentId,
        server: ServerId,
    ) -> Result<(Uuid, Vec<String>), String> {
        let (mut input, mut notes) = (application.input.clone(), Vec::new());
        loop {
            let (wanted, _) = read(application, &input, environment, server)?;
            let error = match self.calls.call::<api::applications::CreateCall>(wanted).await {
                Ok(made) => return Ok((made.id.0, notes)),
                Err(error) => error,
            };
            let refused = error.errors.iter().find_map(|fault| {
                let field = fault.field.split(['.', '[']).next()?;
                let may_go = ["health_check", "memory_mb", "cpu_millis", "run"].contains(&field);
                (may_go && input.get(field).is_some()).then(|| (field.to_owned(), fault.message.clone()))
            });
            let built = error.errors.iter().find(|fault| fault.field == "build.kind");
            if let (Some(fault), "nixpacks") = (built, input["build"]["kind"].as_str().unwrap_or_default()) {
                notes.push(format!("It is not built with Nixpacks here: {}", fault.message));
                input["build"] = json!({ "kind": "dockerfile" });
                continue;
            }
            let Some((field, why)) = refused else { return Err(error.detail) };
            notes.push(format!("Its {} is left out: {why}", field.replace('_', " ")));
            if let Some(fields) = input.as_object_mut() {
                fields.remove(&field);
            }
        }
    }

    /// A host may be somebody's already: the application comes over without it.
    async fn domains(&self, id: Uuid, application: &Application, notes: &mut Vec<String>) {
        for domain in &application.domains {
            let mut input = domain.clone();
            input["application_id"] = json!(id);
            let host = domain["host"].as_str().unwrap_or_default();
            let refused = match serde_json::from_value::<AddApplicationDomain>(input) {
                Ok(input) => {
                    self.calls.call::<api::application_domains::AddCall>(input).await.err().map(|error| error.detail)
                }
                Err(_) => Some("this version does not take its settings.".to_owned()),
            };
            notes.extend(refused.map(|why| format!("The domain {host} is left out: {why}")));
        }
    }

    /// Those that are not there yet; whoever changed one here meant it.
    async fn variables(
        &self,
        id: ApplicationId,
        variables: &[Variable],
        notes: &mut Vec<String>,
    ) -> Result<(), String> {
        if variables.is_empty() {
            return Ok(());
        }
        let list = ListVariables { application_id: id, search: None };
        let known = self.calls.call::<api::environment_variables::ListCall>(list).await;
        let known = known.map_err(|error| error.detail)?.items;
        let known: BTreeSet<(bool, String)> = known.into_iter().map(|one| (one.preview, one.key)).collect();
        for variable in variables {
            if known.contains(&(variable.preview, variable.key.clone())) {
                continue;
            }
            let input = SetVariable {
                application_id: id,
                key: variable.key.clone(),
                value: variable.value.clone(),
                build_time: variable.build_time,
                run_time: variable.run_time,
                secret: variable.secret,
                literal: variable.literal,
                multiline: variable.multiline,
                preview: variable.preview,
                keep_value: false,
            };
            if let Err(error) = self.calls.call::<api::environment_variables::SetCall>(input).await {
                notes.push(format!("The variable {} is left out: {}", variable.key, error.detail));
            }
        }
        Ok(())
    }
}

/// The input as this version understands it, and what it does not take.
fn read(
    application: &Application,
    input: &Value,
    environment: EnvironmentId,
    server: ServerId,
) -> Result<(CreateApplication, Vec<String>), String> {
    let mut input = input.clone();
    input["environment_id"] = json!(environment);
    input["server_id"] = json!(server);
    let wanted: CreateApplication = serde_json::from_value(input.clone())
        .map_err(|_| format!("{} has settings that this version does not take.", application.name))?;
    let understood = serde_json::to_value(&wanted).unwrap_or_default();
    let mut notes = Vec::new();
    for part in ["source", "build", "run"] {
        let given = input.get(part).and_then(Value::as_object).into_iter().flatten();
        notes.extend(
            given.filter(|(field, _)| understood[part].get(field.as_str()).is_none()).map(|(field, _)| {
                format!("Its {} is left out: this version does not take it.", field.replace('_', " "))
            }),
        );
    }
    Ok((wanted, notes))
}
