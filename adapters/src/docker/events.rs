//! What the Engine says about containers as it happens.

use super::failure::failure;
use super::{carries, label_filter};
use bollard::Docker;
use bollard::models::EventMessage;
use bollard::query_parameters::EventsOptions;
use contract::Time;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use services::servers::engine::{ContainerEvent, ContainerEventKind, EngineError, EngineResult, Labels};
use std::collections::HashMap;

/// What can change the state of a container; not each command that runs in it.
const KINDS: [&str; 10] =
    ["create", "start", "restart", "die", "oom", "health_status", "pause", "unpause", "rename", "destroy"];

pub fn follow(docker: &Docker, labels: Labels) -> BoxStream<'static, EngineResult<ContainerEvent>> {
    let mut filters: HashMap<_, _> = label_filter(&labels);
    filters.insert("type".to_owned(), vec!["container".to_owned()]);
    filters.insert("event".to_owned(), KINDS.map(str::to_owned).to_vec());
    let options = EventsOptions { filters: Some(filters), ..Default::default() };
    let cut = stream::once(async { Err(EngineError::Unreachable("the Engine's events ended".to_owned())) });
    docker
        .events(Some(options))
        .map(|message| message.map_err(|e| failure(e, "the events")))
        .filter_map(move |message| {
            let event = message.map(event).transpose();
            let ours = event.filter(|event| event.as_ref().map_or(true, |event| carries(&event.labels, &labels)));
            async move { ours }
        })
        .chain(cut)
        .boxed()
}

/// The Engine puts a container's labels among the event's own attributes.
fn event(message: EventMessage) -> Option<ContainerEvent> {
    let actor = message.actor?;
    let labels: Labels = actor.attributes.unwrap_or_default().into_iter().collect();
    let kind = match message.action.as_deref()? {
        "start" => ContainerEventKind::Started,
        "die" => {
            let code = labels.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or_default();
            ContainerEventKind::Ended { code }
        }
        "oom" => ContainerEventKind::OutOfMemory,
        _ => ContainerEventKind::Other,
    };
    let at = message.time_nano.map(Time::from_timestamp_nanos).unwrap_or_default();
    Some(ContainerEvent { at, container: actor.id?, labels, kind })
}
