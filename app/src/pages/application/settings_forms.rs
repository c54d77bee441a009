//! The forms of the settings, each saved on its own, so that a fault in one keeps none of the others back. They share
//! one command: why it was refused stands once, above them, and at the fields that are at fault.

use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::pages::address::address;
use crate::pages::source_fields::{Kind as SourceKind, Pack, Present, fields};
use crate::pages::success::successes;
use crate::ui::{Button, ButtonRow, Card, FormBody, FormPair, Kind, NumberField, SavePill, Tab, Tabs, TextField};
use contract::applications::Application;
use contract::git_credentials::GitCredential;
use leptos::prelude::*;

type Update = Command<api::applications::UpdateCall>;

pub(super) fn name_card(application: &Application, update: Update) -> AnyView {
    let (id, name) = (application.id.to_string(), application.name.clone());
    view! {
        <Card title="Name">
            <OperationForm action=update>
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <TextField
                        name="name"
                        label="Name"
                        value=name
                        hint="Lower-case letters, digits and dashes."
                        required=true
                        maxlength=63
                        error=field_error(update, "name")
                    />
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

pub(super) fn source_card(
    application: &Application,
    kind: SourceKind,
    pack: Pack,
    credentials: &[GitCredential],
    update: Update,
) -> AnyView {
    let here = format!("/applications/{}/settings", application.id);
    let at = |kind: SourceKind, pack: Pack| {
        address(&here, &[("source", Some(kind.as_str())), ("build", Some(pack.as_str()))])
    };
    let sources = SourceKind::ALL.map(|one| Tab::new(one.title(), at(one, pack))).to_vec();
    let current = at(kind, pack);
    let packs = (kind == SourceKind::Git).then(|| {
        let items = Pack::ALL.map(|one| Tab::new(one.title(), at(kind, one))).to_vec();
        view! { <Tabs items=items current=current.clone() label="How it is built" /> }
    });
    let id = application.id.to_string();
    // What the present source says is offered only for the kind that it is.
    let present = Present { source: &application.source, build: &application.build };
    let asked = fields(kind, pack, Some(present), credentials, move |name| field_error(update, name).into());
    view! {
        <Card title="Source and build" flush=true>
            <Tabs items=sources current=current label="Where it comes from" />
            {packs}
            <div class=style::card::BODY>
                <OperationForm action=update>
                    <FormBody>
                        <input type="hidden" name="id" value=id />
                        {asked}
                        <SavePill busy=update.pending() saved=successes(update) />
                    </FormBody>
                </OperationForm>
            </div>
        </Card>
    }
    .into_any()
}

pub(super) fn runs_card(application: &Application, update: Update) -> AnyView {
    let id = application.id.to_string();
    let (port, memory, cpu) = (application.port, application.memory_mb, application.cpu_millis);
    view! {
        <Card title="Port and limits">
            <OperationForm action=update>
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <NumberField
                        name="port"
                        label="Port"
                        value=i64::from(port)
                        min=1
                        max=65535
                        hint="What the application listens on; it is given as PORT."
                        required=true
                        error=field_error(update, "port")
                    />
                    <FormPair>
                        <NumberField
                            name="memory_mb"
                            label="Memory in MB"
                            value=i64::from(memory)
                            min=16
                            max=1_048_576
                            hint="It is restarted when it takes more."
                            required=true
                            error=field_error(update, "memory_mb")
                        />
                        <NumberField
                            name="cpu_millis"
                            label="Processor in thousandths of a core"
                            value=i64::from(cpu)
                            min=50
                            max=256_000
                            hint="1000 is one core."
                            required=true
                            error=field_error(update, "cpu_millis")
                        />
                    </FormPair>
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

pub(super) fn health_card(application: &Application, update: Update) -> AnyView {
    let id = application.id.to_string();
    let check = application.health_check.clone();
    let remove = check.is_some().then(|| {
        let id = id.clone();
        view! {
            <OperationForm action=update>
                <input type="hidden" name="id" value=id />
                <input type="hidden" name="remove_health_check" value="true" />
                <ButtonRow>
                    <Button small=true kind=Kind::Danger busy=update.pending()>"Remove the health check"</Button>
                </ButtonRow>
            </OperationForm>
        }
    });
    let path = check.as_ref().map(|check| check.path.clone()).unwrap_or_default();
    let seconds = |of: Option<u32>, usual: u32| i64::from(of.unwrap_or(usual));
    let interval = seconds(check.as_ref().map(|check| check.interval_seconds), 2);
    let timeout = seconds(check.as_ref().map(|check| check.timeout_seconds), 5);
    let retries = seconds(check.as_ref().map(|check| check.retries), 15);
    let start = seconds(check.as_ref().map(|check| check.start_period_seconds), 0);
    view! {
        <Card title="Health check" note="Without one, a new version counts as healthy once it answers at its port, or has run for ten seconds.">
            <OperationForm action=update>
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <TextField
                        name="health_check[path]"
                        label="Path"
                        value=path
                        placeholder="/healthz"
                        hint="Any answer from 200 to 399 is healthy."
                        required=true
                        mono=true
                        error=field_error(update, "health_check.path")
                    />
                    <FormPair>
                        <NumberField
                            name="health_check[interval_seconds]"
                            label="Seconds between tries"
                            value=interval
                            min=1
                            max=300
                            required=true
                            error=field_error(update, "health_check.interval_seconds")
                        />
                        <NumberField
                            name="health_check[timeout_seconds]"
                            label="Seconds to answer"
                            value=timeout
                            min=1
                            max=60
                            required=true
                            error=field_error(update, "health_check.timeout_seconds")
                        />
                    </FormPair>
                    <FormPair>
                        <NumberField
                            name="health_check[retries]"
                            label="Tries"
                            value=retries
                            min=1
                            max=100
                            required=true
                            error=field_error(update, "health_check.retries")
                        />
                        <NumberField
                            name="health_check[start_period_seconds]"
                            label="Seconds to start up"
                            value=start
                            min=0
                            max=1800
                            hint="Failed tries do not count before that."
                            required=true
                            error=field_error(update, "health_check.start_period_seconds")
                        />
                    </FormPair>
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
            {remove}
        </Card>
    }
    .into_any()
}
