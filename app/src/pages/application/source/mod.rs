//! How an application hears of pushes, what of them it deploys, what was told so far, and its previews.

mod deliveries;
mod previews;
mod rules;
mod webhooks;

use super::{Subject, framed};
use crate::api;
use crate::operation_form::Command;
use crate::pages::address::{known, parameter};
use crate::pages::region::region;
use crate::pages::success::successes;
use contract::applications::Source;
use contract::previews::{ListPreviews, PreviewSettingsRef};
use contract::webhooks::{DeliveryOutcome, DeployRulesRef, ListWebhookDeliveries, ListWebhooks};
use leptos::prelude::*;

#[component]
pub fn ApplicationSourcePage() -> impl IntoView {
    let subject = Subject::new();
    let (search, outcome, cursor) = (parameter("q"), parameter("outcome"), parameter("cursor"));
    let outcome = Memo::new(move |_| outcome.get().and_then(|text| DeliveryOutcome::parse(&text)));
    let create = Command::<api::webhooks::CreateCall>::new();
    let rotate = Command::<api::webhooks::RotateCall>::new();
    let delete = Command::<api::webhooks::DeleteCall>::new();
    let (set, approve, remove) = (Command::new(), Command::new(), Command::new());
    let set_previews = Command::<api::previews::SetSettingsCall>::new();
    let (made, deleted) = (successes(create), successes(delete));
    let (approved, removed, switched) = (successes(approve), successes(remove), successes(set_previews));
    let hooks = Resource::new(
        move || (subject.id.get(), made.get(), deleted.get()),
        |(id, ..)| async move {
            let application_id = known(id)?;
            futures::try_join!(
                api::webhooks::list(ListWebhooks { application_id }),
                api::webhooks::rules(DeployRulesRef { application_id }),
            )
        },
    );
    let told = Resource::new(
        move || (subject.id.get(), search.get(), outcome.get(), cursor.get(), subject.moved.get()),
        |(id, search, outcome, cursor, _)| async move {
            let application_id = known(id)?;
            let input = ListWebhookDeliveries { application_id, outcome, search, limit: Some(20), cursor };
            api::webhooks::deliveries(input).await
        },
    );
    let running = Resource::new(
        move || (subject.id.get(), approved.get(), removed.get(), switched.get(), subject.moved.get()),
        |(id, ..)| async move {
            let application_id = known(id)?;
            futures::try_join!(
                api::previews::settings(PreviewSettingsRef { application_id }),
                api::previews::list(ListPreviews { application_id, limit: Some(50), cursor: None }),
            )
        },
    );
    framed(subject, "source", move |found, _| {
        if !matches!(found.source, Source::Git { .. }) {
            return webhooks::no_repository();
        }
        let id = found.id.to_string();
        let here = format!("/applications/{id}/source");
        let first = region(hooks, "The webhooks could not be read", {
            let id = id.clone();
            move |(hooks, rules)| {
                let shown = webhooks::card(&id, hooks.items, create, rotate, delete);
                let rules = rules::card(rules, &found.source, set);
                view! { {shown} {rules} }.into_any()
            }
        });
        let told = region(told, "The deliveries could not be read", move |page| {
            let later = cursor.get_untracked().is_some();
            deliveries::card(page, &here, search.get_untracked(), outcome.get_untracked(), later)
        });
        let running = region(running, "The previews could not be read", move |(settings, page)| {
            previews::cards(settings, page, set_previews, approve, remove)
        });
        view! { {first} {told} {running} }.into_any()
    })
}
