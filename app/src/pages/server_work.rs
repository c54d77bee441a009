//! How much a server does at a time: deployments, and builds; and how full its disk may be.

use super::success::successes;
use crate::api;
use crate::operation_form::{Command, OperationForm, field_error};
use crate::ui::{Button, ButtonRow, Card, FormBody, NumberField, SavePill};
use contract::servers::Server;
use leptos::prelude::*;

type Update = Command<api::servers::UpdateCall>;

pub(super) fn cards(server: &Server, update: Update) -> AnyView {
    let (deployments, builds, disk) = (deployments(server, update), builds(server, update), disk(server, update));
    view! { {deployments} {builds} {disk} }.into_any()
}

fn disk(server: &Server, update: Update) -> AnyView {
    let (id, mark) = (server.id.to_string(), i64::from(server.disk_watermark_percent));
    view! {
        <Card title="Disk" note="Where images and volumes live. It is looked at every minute.">
            <OperationForm action=update refused="Nothing was changed">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <NumberField
                        name="disk_watermark_percent"
                        label="Alarm from this percentage in use on"
                        value=mark
                        min=50
                        max=99
                        hint="The alarm is over when five percent less are in use."
                        required=true
                        error=field_error(update, "disk_watermark_percent")
                    />
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

fn deployments(server: &Server, update: Update) -> AnyView {
    let (id, at_once) = (server.id.to_string(), i64::from(server.concurrent_deployments));
    let note = "Each waits for its build, too. Whoever asked first is first.";
    view! {
        <Card title="Deployments" note=note>
            <OperationForm action=update refused="Nothing was changed">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <NumberField
                        name="concurrent_deployments"
                        label="Deployments at a time"
                        value=at_once
                        min=1
                        max=64
                        hint="Further ones stay queued; each says how many are before it."
                        required=true
                        error=field_error(update, "concurrent_deployments")
                    />
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
        </Card>
    }
    .into_any()
}

/// Without the program an unticked box sends nothing, so what the tick would change is sent by buttons.
fn builds(server: &Server, update: Update) -> AnyView {
    let (id, marked) = (server.id.to_string(), server.builds);
    let (does, turn) = if marked {
        ("It builds images for applications on other servers, too.", "Build only its own")
    } else {
        ("It builds images for its own applications only.", "Build for other servers, too")
    };
    let (other, at_once) = (id.clone(), i64::from(server.concurrent_builds));
    view! {
        <Card title="Builds" note=does>
            <OperationForm action=update refused="Nothing was changed">
                <FormBody>
                    <input type="hidden" name="id" value=id />
                    <NumberField
                        name="concurrent_builds"
                        label="Builds at a time"
                        value=at_once
                        min=1
                        max=64
                        hint="Further ones wait in line."
                        required=true
                        error=field_error(update, "concurrent_builds")
                    />
                    <SavePill busy=update.pending() saved=successes(update) />
                </FormBody>
            </OperationForm>
            <OperationForm action=update>
                <input type="hidden" name="id" value=other />
                <input type="hidden" name="builds" value=(!marked).to_string() />
                <ButtonRow>
                    <Button small=true busy=update.pending()>{turn}</Button>
                </ButtonRow>
            </OperationForm>
        </Card>
    }
    .into_any()
}
