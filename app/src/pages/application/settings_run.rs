//! How the application's containers run: one form, because it is saved as one.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::success::successes;
use crate::ui::{Card, Checkbox, FormBody, FormPair, NumberField, SavePill, SelectField, TextArea, TextField};
use contract::applications::Application;
use contract::running::{CommandLine, RestartPolicy, RunSettings};
use leptos::prelude::*;

type Update = Command<api::applications::UpdateCall>;

fn lines<T: ToString>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join("\n")
}

fn command(of: &Option<CommandLine>) -> String {
    of.as_ref().map(ToString::to_string).unwrap_or_default()
}

pub(super) fn run_card(application: &Application, update: Update) -> AnyView {
    let id = application.id.to_string();
    let run = &application.run;
    let note = application.overlap.reason.clone().unwrap_or_else(|| {
        "A new version starts beside the old one, which serves until the new one is healthy.".to_owned()
    });
    let parts = [containers(run, update), commands(run, update), storage(run, update), server(run, update)];
    view! {
        <Card title="Running" note=note>
            <OperationForm action=update>
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    {parts}
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn containers(run: &RunSettings, update: Update) -> AnyView {
    let words = |policy| match policy {
        RestartPolicy::Always => "Always",
        RestartPolicy::OnFailure => "After an error",
        RestartPolicy::Never => "Never",
    };
    let options = RestartPolicy::ALL.map(|policy| (policy.as_str().to_owned(), words(policy).to_owned())).to_vec();
    let replicas = i64::from(run.replicas);
    let restart = run.restart.as_str();
    let grace = i64::from(run.stop_grace_seconds);
    let processes = i64::from(run.processes);
    view! {
        <FormPair>
            <NumberField
                name="run[replicas]"
                label="Containers"
                value=replicas
                min=1
                max=20
                hint="They serve side by side on the server."
                required=true
                error=field_error(update, "run.replicas")
            />
            <SelectField
                name="run[restart]"
                label="Restart when it ends"
                options=options
                value=restart
                error=field_error(update, "run.restart")
            />
        </FormPair>
        <FormPair>
            <NumberField
                name="run[stop_grace_seconds]"
                label="Seconds to stop"
                value=grace
                min=1
                max=600
                hint="From SIGTERM to SIGKILL."
                required=true
                error=field_error(update, "run.stop_grace_seconds")
            />
            <NumberField
                name="run[processes]"
                label="Processes and threads"
                value=processes
                min=16
                max=32_768
                required=true
                error=field_error(update, "run.processes")
            />
        </FormPair>
    }
    .into_any()
}

fn commands(run: &RunSettings, update: Update) -> AnyView {
    let own = command(&run.command);
    let before = command(&run.pre_deploy);
    let after = command(&run.post_deploy);
    let timeout = i64::from(run.command_timeout_seconds);
    view! {
        <TextField
            name="run[command]"
            label="Command"
            value=own
            hint="Instead of the image's own. A text runs in the container's shell, a list such as [\"/app\", \"--serve\"] as it is."
            optional=true
            mono=true
            error=field_error(update, "run.command")
        />
        <FormPair>
            <TextField
                name="run[pre_deploy]"
                label="Command before a deployment"
                value=before
                placeholder="bin/migrate"
                hint="Once, in a container of the new image, before it gets any traffic."
                optional=true
                mono=true
                error=field_error(update, "run.pre_deploy")
            />
            <TextField
                name="run[post_deploy]"
                label="Command after a deployment"
                value=after
                hint="Once, in a container of the new image, when it serves."
                optional=true
                mono=true
                error=field_error(update, "run.post_deploy")
            />
        </FormPair>
        <NumberField
            name="run[command_timeout_seconds]"
            label="Seconds for each of these commands"
            value=timeout
            min=1
            max=7200
            required=true
            error=field_error(update, "run.command_timeout_seconds")
        />
    }
    .into_any()
}

fn storage(run: &RunSettings, update: Update) -> AnyView {
    let labels: Vec<String> = run.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let volumes = lines(&run.volumes);
    let ports = lines(&run.ports);
    let labelled = lines(&labels);
    view! {
        <TextArea
            name="run[volumes]"
            label="Volumes"
            value=volumes
            placeholder="data:/var/lib/app"
            hint="One to a line, name:/path. What is stored there outlives the containers."
            rows=3
            optional=true
            mono=true
            error=field_error(update, "run.volumes")
        />
        <FormPair>
            <TextArea
                name="run[ports]"
                label="Ports of the server"
                value=ports
                placeholder="5432:5432"
                hint="One to a line, the server's first; 53:53/udp for UDP. Websites need none: they have domains."
                rows=3
                optional=true
                mono=true
                error=field_error(update, "run.ports")
            />
            <TextArea
                name="run[labels]"
                label="Labels"
                value=labelled
                placeholder="team=shop"
                hint="One to a line, for other programs on the server."
                rows=3
                optional=true
                mono=true
                error=field_error(update, "run.labels")
            />
        </FormPair>
    }
    .into_any()
}

fn server(run: &RunSettings, update: Update) -> AnyView {
    let open = run.privileged || run.host_network || run.docker_socket || !run.host_mounts.is_empty();
    let privileged = run.privileged;
    let network = run.host_network;
    let socket = run.docker_socket;
    let folders = lines(&run.host_mounts);
    view! {
        <details open=open>
            <summary>"Access to the server"</summary>
            <FormBody>
                <p>"Each of these reaches beyond the application. The operator of the platform allows them per organization."</p>
                <Checkbox
                    name="run[privileged]"
                    label="Privileged"
                    checked=privileged
                    hint="All capabilities and devices of the server."
                    error=field_error(update, "run.privileged")
                />
                <Checkbox
                    name="run[host_network]"
                    label="The server's network"
                    checked=network
                    hint="Instead of the environment's own."
                    error=field_error(update, "run.host_network")
                />
                <Checkbox
                    name="run[docker_socket]"
                    label="The server's Docker socket"
                    checked=socket
                    error=field_error(update, "run.docker_socket")
                />
                <TextArea
                    name="run[host_mounts]"
                    label="Folders of the server"
                    value=folders
                    placeholder="/srv/media:/media:ro"
                    hint="One to a line, /folder:/path, with :ro behind it to read only."
                    rows=2
                    optional=true
                    mono=true
                    error=field_error(update, "run.host_mounts")
                />
            </FormBody>
        </details>
    }
    .into_any()
}
