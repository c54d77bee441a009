//! A part of a page that shows what an operation answered: a skeleton first, then the data, or why it is not there. What
//! was shown stays while newer data loads, and the page around a failure lives.

use super::not_found::missing;
use crate::operation::Failure;
use crate::ui::{self, Skeleton};
use contract::Code;
use leptos::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a region reads.
pub type Answer<T> = Resource<Result<T, Failure>>;

/// `refused` is the title of a failure: "The servers could not be read".
pub fn region<T>(
    answer: Answer<T>,
    refused: &'static str,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    part(answer, show, move |failure| failed(refused, &failure, answer))
}

/// As `region`, for the one thing that a page is about: where it is not there, neither is the page.
pub fn subject<T>(
    answer: Answer<T>,
    refused: &'static str,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    part(answer, show, move |failure| match failure.0.code {
        Code::NotFound => missing(),
        _ => failed(refused, &failure, answer),
    })
}

fn part<T>(
    answer: Answer<T>,
    show: impl Fn(T) -> AnyView + Clone + Send + Sync + 'static,
    refuse: impl Fn(Failure) -> AnyView + Clone + Send + Sync + 'static,
) -> AnyView
where
    T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static,
{
    view! {
        <Transition fallback=|| view! { <Skeleton /> }>
            {move || {
                let (show, refuse) = (show.clone(), refuse.clone());
                Suspend::new(async move {
                    match answer.await {
                        Ok(data) => show(data),
                        Err(failure) => refuse(failure),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}

fn failed<T>(title: &'static str, failure: &Failure, answer: Answer<T>) -> AnyView
where
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let error = &failure.0;
    view! {
        <ui::Failure
            title=title
            detail=error.detail.clone()
            request_id=Some(error.request_id.clone()).filter(|id| !id.is_empty())
            retry=Callback::new(move |()| answer.refetch())
        />
    }
    .into_any()
}
