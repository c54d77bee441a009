//! One server: its checks while they run, what it is, and how to be rid of it.

use super::address::{known, path_id};
use super::poll::again_soon;
use super::region::subject;
use super::server_words::{check_steps, connection_words, status_pill};
use crate::api;
use crate::operation_form::{Command, OperationForm};
use crate::session::may;
use crate::ui::{
    Button, Card, Code, Crumb, DangerConfirm, Dialog, DialogLink, Empty, FactRow, FactRows, FormBody, Glyph, Kind,
    LinkButton, Notice, Page, RelativeTime, Steps, Tone, TwoColumns, Width, time,
};
use contract::ids::ServerId;
use contract::permissions::Permission;
use contract::servers::{Connection, Server, ServerRef, ServerStatus};
use leptos::prelude::*;

const REFUSED: &str = "The server could not be read";
const DELETE: &str = "delete-server";

#[component]
pub fn ServerPage() -> impl IntoView {
    let id = path_id::<ServerId>("id");
    let validate = Command::<api::servers::ValidateCall>::new();
    let delete = Command::<api::servers::DeleteCall>::new();
    let update = Command::<api::servers::UpdateCall>::new();
    let commands = Commands { validate, update, delete, trust: Command::new(), install: Command::new() };
    let server = Resource::new(
        move || {
            let (trusted, installed) = (commands.trust.version().get(), commands.install.version().get());
            (id.get(), validate.version().get(), update.version().get(), trusted, installed)
        },
        |(id, ..)| async move { api::servers::get(ServerRef { id: known(id)? }).await },
    );
    subject(server, REFUSED, move |found| {
        if found.status == ServerStatus::Validating {
            again_soon(move || server.refetch());
        }
        page(found, commands)
    })
}

#[derive(Clone, Copy)]
struct Commands {
    validate: Command<api::servers::ValidateCall>,
    update: Command<api::servers::UpdateCall>,
    delete: Command<api::servers::DeleteCall>,
    trust: Command<api::servers::TrustHostKeyCall>,
    install: Command<api::servers::InstallDockerCall>,
}

fn page(server: Server, commands: Commands) -> AnyView {
    let manages = may(Permission::ServersManage);
    let status = server.status;
    let alarms = host_key_alarms(&server, manages.then_some(commands.trust));
    let full = disk_alarm(&server);
    let checks = checks(&server, manages.then_some(commands));
    let work = manages.then(|| super::server_work::cards(&server, commands.update));
    let danger = manages.then(|| danger(&server, commands.delete));
    let edit = manages.then(|| view! { <LinkButton href=format!("/servers/{}/edit", server.id)>"Edit"</LinkButton> });
    view! {
        <Page
            title=server.name.clone()
            crumbs=vec![Crumb::new("Servers", "/servers")]
            state=status_pill(status)
            actions=edit
        >
            {alarms}
            {full}
            <TwoColumns>{checks} {facts(server)}</TwoColumns>
            {work}
            {danger}
        </Page>
    }
    .into_any()
}

fn disk_alarm(server: &Server) -> AnyView {
    let Some((disk, since)) = server.disk.as_ref().and_then(|disk| disk.low_since.map(|since| (disk, since))) else {
        return ().into_any();
    };
    let (percent, free) = (disk.used_percent, time::bytes(disk.free_bytes));
    let href = format!("/servers/{}/cleanups", server.id);
    let clean_up = view! { <LinkButton href=href small=true>"Clean up"</LinkButton> };
    let text = format!("{percent} % are in use, {free} are free. Without room, builds and deployments fail. Since ");
    view! { <Notice tone=Tone::Warn title="The disk is nearly full" action=clean_up>{text} <RelativeTime at=since /> "."</Notice> }
        .into_any()
}

/// A machine that shows another host key than before: what happened, and the way on for who looked at it.
fn host_key_alarms(server: &Server, trust: Option<Command<api::servers::TrustHostKeyCall>>) -> AnyView {
    let alarms = server.host_keys.iter().filter_map(|key| {
        let offered = key.offered.clone()?;
        let what = if key.is_jump { "The jump host" } else { "The server" };
        let (title, known) = (format!("{what} {} shows another host key", key.host), key.fingerprint.clone());
        let shown = offered.clone();
        let id = server.id.to_string();
        let form = trust.map(|trust| {
            view! {
                <OperationForm action=trust refused="The key was not trusted">
                    <input type="hidden" name="id" value=id />
                    <input type="hidden" name="fingerprint" value=offered />
                    <Button kind=Kind::Danger small=true busy=trust.pending()>"Trust the new key"</Button>
                </OperationForm>
            }
        });
        Some(view! {
            <Notice tone=Tone::Bad title=title>
                <p>
                    "Nothing was sent to it. Either it was reinstalled, or somebody stands between it and Canopy. On the machine itself, "
                    <Code text="ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub" /> " (or its other host keys) says which is right."
                </p>
                <FactRows>
                    <FactRow label="Known">
                        <Code text=known />
                    </FactRow>
                    <FactRow label="Shown now">
                        <Code text=shown />
                    </FactRow>
                </FactRows>
                {form}
            </Notice>
        })
    });
    alarms.collect_view().into_any()
}

fn checks(server: &Server, commands: Option<Commands>) -> AnyView {
    let steps = check_steps(&server.checks);
    let running = server.status == ServerStatus::Validating;
    let (id, here) = (server.id.to_string(), format!("/servers/{}", server.id));
    let when = server.validated_at.map(|at| view! { <span>"Checked " <RelativeTime at=at /></span> });
    let install = commands.filter(|_| server.lacks_docker && !running).map(|commands| {
        let (install, id) = (commands.install, id.clone());
        view! {
            <OperationForm action=install refused="Docker was not installed">
                <input type="hidden" name="id" value=id />
                <Button kind=Kind::Primary small=true busy=install.pending()>"Install Docker"</Button>
            </OperationForm>
        }
    });
    let again = commands.filter(|_| !running).map(|commands| {
        let validate = commands.validate;
        view! {
            <OperationForm action=validate refused="The checks were not started">
                <input type="hidden" name="id" value=id />
                <Button small=true busy=validate.pending()>"Check again"</Button>
            </OperationForm>
        }
    });
    let look = running.then(|| view! { <LinkButton href=here small=true kind=Kind::Ghost>"Look again"</LinkButton> });
    let list = if steps.is_empty() {
        view! { <Empty glyph=Glyph::Clock title="Not checked yet" text="The checks start within seconds of adding a server." /> }
            .into_any()
    } else {
        view! { <Steps items=Signal::stored(steps) label="Checks" /> }.into_any()
    };
    view! {
        <Card title="Checks" flush=true foot=view! { {when} {look} {again} {install} }>
            {list}
        </Card>
    }
    .into_any()
}

fn facts(server: Server) -> AnyView {
    let or_unknown = |text: Option<String>| text.unwrap_or_else(|| "Unknown".to_owned());
    let ports = match (server.http_port, server.https_port) {
        (Some(http), Some(https)) => format!("{http} for HTTP, {https} for HTTPS"),
        (Some(http), None) => format!("{http} for HTTP"),
        _ => "Unknown".to_owned(),
    };
    let clean_up = format!("/servers/{}/cleanups", server.id);
    let disk = server.disk.clone().map(|disk| {
        let (percent, free) = (disk.used_percent, time::bytes(disk.free_bytes));
        view! {
            <FactRow label="Disk">{format!("{percent} % in use, {free} free, ")} <RelativeTime at=disk.seen_at /></FactRow>
        }
    });
    let over_ssh = ssh_facts(&server);
    let seen = server.last_seen_at.map_or_else(|| "Never".into_any(), |at| view! { <RelativeTime at=at /> }.into_any());
    view! {
        <Card title="About this server">
            <FactRows>
                <FactRow label="Reached by">{connection_words(&server.connection)}</FactRow>
                {over_ssh}
                <FactRow label="Last seen">{seen}</FactRow>
                <FactRow label="Applications">{server.applications}</FactRow>
                <FactRow label="Docker Engine">{or_unknown(server.engine_version)}</FactRow>
                <FactRow label="Operating system">{or_unknown(server.operating_system)}</FactRow>
                <FactRow label="Architecture">{or_unknown(server.architecture)}</FactRow>
                <FactRow label="Processor cores">{or_unknown(server.cpu_cores.map(|cores| cores.to_string()))}</FactRow>
                <FactRow label="Memory">{or_unknown(server.memory_mb.map(|memory| time::bytes(memory * 1_000_000)))}</FactRow>
                <FactRow label="Ports of the proxy">{ports}</FactRow>
                {disk}
                <FactRow label="Space">
                    <LinkButton href=clean_up small=true kind=Kind::Ghost>"Clean up"</LinkButton>
                </FactRow>
                <FactRow label="Added">
                    <RelativeTime at=server.created_at />
                </FactRow>
                <FactRow label="Id">
                    <Code text=server.id.to_string() />
                </FactRow>
            </FactRows>
        </Card>
    }
    .into_any()
}

fn ssh_facts(server: &Server) -> AnyView {
    let Connection::Ssh { private_key_id, jump, .. } = &server.connection else { return ().into_any() };
    let jump = jump.as_ref().map(|jump| {
        let through = format!("{}@{}:{}", jump.user, jump.host, jump.port);
        view! { <FactRow label="Through">{through}</FactRow> }
    });
    let known = server.host_keys.iter().map(|key| {
        let label = if key.is_jump { "Jump host's key" } else { "Host key" };
        let fingerprint = key.fingerprint.clone();
        view! {
            <FactRow label=label>
                <Code text=fingerprint />
            </FactRow>
        }
    });
    let known = known.collect_view();
    let href = format!("/servers/keys/{private_key_id}");
    let key = may(Permission::PrivateKeysRead).then(|| {
        view! {
            <FactRow label="Signs in with">
                <a href=href>
                    "This key"
                </a>
            </FactRow>
        }
    });
    view! {
        {jump}
        {key}
        {known}
    }
    .into_any()
}

fn danger(server: &Server, delete: Command<api::servers::DeleteCall>) -> AnyView {
    let href = format!("/servers/{}/delete", server.id);
    let form = delete_form(server, delete, None);
    view! {
        <Card
            title="Delete this server"
            note="The machine itself stays as it is; Canopy forgets it."
            danger=true
            flush=true
            tools=view! { <DialogLink href=href dialog=DELETE kind=Kind::Danger small=true>"Delete server"</DialogLink> }
        >
            <Dialog id=DELETE title="Delete this server">
                {form}
            </Dialog>
        </Card>
    }
    .into_any()
}

/// The question as a page of its own, for readers without the program.
#[component]
pub fn DeleteServerPage() -> impl IntoView {
    let id = path_id::<ServerId>("id");
    let delete = Command::<api::servers::DeleteCall>::new();
    let server =
        Resource::new(move || id.get(), |id| async move { api::servers::get(ServerRef { id: known(id)? }).await });
    subject(server, REFUSED, move |server| {
        let here = format!("/servers/{}", server.id);
        let form = delete_form(&server, delete, Some(here.clone()));
        let crumbs = vec![Crumb::new("Servers", "/servers"), Crumb::new(server.name, here)];
        view! {
            <Page title="Delete" crumbs=crumbs width=Width::Narrow>
                <Card title="Delete this server" danger=true>
                    {form}
                </Card>
            </Page>
        }
        .into_any()
    })
}

fn delete_form(server: &Server, delete: Command<api::servers::DeleteCall>, cancel: Option<String>) -> AnyView {
    if server.applications > 0 {
        let text = match server.applications {
            1 => "One application runs on it. Move or delete it first.".to_owned(),
            count => format!("{count} applications run on it. Move or delete them first."),
        };
        return view! {
            <Notice tone=Tone::Warn title="This server is in use">
                {text}
            </Notice>
        }
        .into_any();
    }
    let goes = vec!["Its entry here, with its checks".to_owned(), "The proxy that Canopy started on it".to_owned()];
    let stays = vec!["The machine and everything else on it".to_owned(), "The key that reaches it".to_owned()];
    let (id, name) = (server.id.to_string(), server.name.clone());
    let busy = delete.pending();
    let question = match cancel {
        Some(href) => {
            view! { <DangerConfirm name=name goes=goes stays=stays verb="Delete server" cancel=href busy=busy /> }
                .into_any()
        }
        // A dialog closes by itself.
        None => view! { <DangerConfirm name=name goes=goes stays=stays verb="Delete server" busy=busy /> }.into_any(),
    };
    view! {
        <OperationForm action=delete next="/servers" refused="The server was not deleted">
            <input type="hidden" name="id" value=id />
            <FormBody>{question}</FormBody>
        </OperationForm>
    }
    .into_any()
}
