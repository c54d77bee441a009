//! The lines of several containers as one log, in the order of their times.

use contract::deployments::ContainerLine;
use futures::future::BoxFuture;
use futures::stream::{BoxStream, FuturesUnordered};
use futures::{FutureExt, Stream, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

type Lines = BoxStream<'static, ContainerLine>;
/// A container's next line, and those behind it.
type Next = BoxFuture<'static, (usize, Option<ContainerLine>, Lines)>;

/// `patience`: how long the lines of others wait for a container that says nothing; none: until it says something, or
/// ends. One that was waited for in vain is not waited for again before it says something.
pub fn merged(streams: Vec<Lines>, patience: Option<Duration>) -> impl Stream<Item = ContainerLine> + Send + use<> {
    let mut merge = Merge { patience, ..Merge::default() };
    for (index, lines) in streams.into_iter().enumerate() {
        merge.ask(index, lines);
    }
    futures::stream::unfold(merge, |mut merge| async move { Some((merge.next().await?, merge)) })
}

#[derive(Default)]
struct Merge {
    asked: FuturesUnordered<Next>,
    /// Asked, and to be waited for.
    awaited: BTreeSet<usize>,
    heads: BTreeMap<usize, (ContainerLine, Lines)>,
    patience: Option<Duration>,
}

impl Merge {
    fn ask(&mut self, index: usize, lines: Lines) {
        self.awaited.insert(index);
        self.asked.push(lines.into_future().map(move |(line, lines)| (index, line, lines)).boxed());
    }

    async fn next(&mut self) -> Option<ContainerLine> {
        loop {
            let answer = if self.heads.is_empty() {
                self.asked.next().await
            } else if self.awaited.is_empty() {
                // What is there already comes without waiting.
                self.asked.next().now_or_never().flatten()
            } else {
                let limit = self.patience.unwrap_or(Duration::MAX);
                tokio::time::timeout(limit, self.asked.next()).await.unwrap_or_default()
            };
            let Some((index, line, lines)) = answer else {
                self.awaited.clear();
                return self.first();
            };
            self.awaited.remove(&index);
            if let Some(line) = line {
                self.heads.insert(index, (line, lines));
            }
        }
    }

    /// The oldest of those at hand; one without a time belongs to those before it.
    fn first(&mut self) -> Option<ContainerLine> {
        let oldest = self.heads.iter().min_by_key(|(index, (line, _))| (line.at, **index));
        let index = *oldest?.0;
        let (line, lines) = self.heads.remove(&index)?;
        self.ask(index, lines);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::deployments::Stream as Source;
    use proptest::prelude::*;

    fn line(replica: u32, second: Option<i64>, text: &str) -> ContainerLine {
        let at = second.and_then(|second| contract::Time::from_timestamp(second, 0));
        ContainerLine { at, replica: Some(replica), stream: Source::Stdout, text: text.to_owned() }
    }

    #[tokio::test]
    async fn one_that_says_nothing_holds_up_the_others_a_short_while_only() {
        let quiet = futures::stream::pending().boxed();
        let (send, chatty) = futures::channel::mpsc::unbounded();
        for second in 0..50 {
            send.unbounded_send(line(2, Some(second), "x")).unwrap();
        }
        let patience = Duration::from_millis(20);
        let merged = merged(vec![quiet, chatty.boxed()], Some(patience));
        let started = std::time::Instant::now();
        let lines: Vec<_> = merged.take(50).collect().await;
        assert_eq!(lines.len(), 50);
        assert!(started.elapsed() < patience * 25, "it was waited for each line");
    }

    proptest! {
        #[test]
        fn all_lines_come_once_and_in_order(
            steps in proptest::collection::vec(proptest::collection::vec((0i64..4, any::<bool>()), 0..20), 0..5),
        ) {
            let mut all = Vec::new();
            let mut streams: Vec<Lines> = Vec::new();
            for (replica, steps) in (1..).zip(steps) {
                let mut second = 0;
                let lines: Vec<_> = steps.iter().enumerate().map(|(number, (step, timed))| {
                    second += step;
                    line(replica, timed.then_some(second), &number.to_string())
                }).collect();
                all.extend(lines.clone());
                streams.push(futures::stream::iter(lines).boxed());
            }
            let count = streams.len() as u32;
            let got: Vec<_> = futures::executor::block_on(async {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
                let _entered = runtime.enter();
                merged(streams, None).collect().await
            });
            prop_assert_eq!(got.len(), all.len());
            prop_assert!(got.iter().filter_map(|line| line.at).is_sorted());
            for replica in 1..=count {
                let of = |lines: &[ContainerLine]| -> Vec<String> {
                    lines.iter().filter(|line| line.replica == Some(replica)).map(|line| line.text.clone()).collect()
                };
                prop_assert_eq!(of(&got), of(&all));
            }
        }
    }
}
