//! The topics of a log: made where they are missing, checked where they exist.

use super::{KafkaOptions, client::Client};
use crate::{LogError, PEAKS_DAYS, REJECTED_BYTES, Topic};
use futures::executor::block_on;
use rdkafka::{
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
    consumer::Consumer,
    error::RDKafkaErrorCode,
};
use std::collections::BTreeMap;

/// Partitions of new topics, unless given.
const PARTITIONS: u32 = 4;
/// Messages up to this size: a rejected record is kept with its bytes.
pub(super) const MAX_MESSAGE: usize = 8 << 20;

const DAY_MS: u64 = 86_400_000;

/// However far ahead: 2^63 - 1.
const ANY_TIME_MS: &str = "9223372036854775807";

/// Names and numbers of partitions.
#[derive(Debug)]
pub(super) struct Topics {
    names: BTreeMap<Topic, String>,
    positions: String,
    partitions: u32,
}

/// What a topic is kept for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// Every record, for ever unless an operator configures less.
    All,
    /// The last record of each key.
    LastOfKey,
    /// The last record of each key, for so long.
    LastOfKeyForDays(u64),
    /// The newest records, up to about so many bytes.
    NewestBytes(u64),
}

const fn keeps(topic: Topic) -> Keeps {
    match topic {
        Topic::Incidents => Keeps::All,
        Topic::Counts => Keeps::LastOfKey,
        Topic::Peaks => Keeps::LastOfKeyForDays(PEAKS_DAYS),
        Topic::Rejected => Keeps::NewestBytes(REJECTED_BYTES),
    }
}

impl Topics {
    pub(super) fn open(client: &Client, options: &KafkaOptions) -> Result<Self, LogError> {
        let names: BTreeMap<Topic, String> =
            Topic::ALL.into_iter().map(|topic| (topic, format!("{}{}", client.prefix, topic.name()))).collect();
        let positions = format!("{}positions", client.prefix);
        let admin: AdminClient<DefaultClientContext> =
            client.base().create().map_err(|error| super::client::refused(&error))?;
        let found = existing(client)?;
        let stored = found.get(&names[&Topic::Incidents]).copied();
        let partitions = stored.or(options.partitions).unwrap_or(PARTITIONS);
        if let (Some(stored), Some(asked)) = (stored, options.partitions)
            && stored != asked
        {
            return Err(LogError::KafkaTopic {
                topic: names[&Topic::Incidents].clone(),
                problem: format!(
                    "has {stored} partitions, not {asked}, and their number never changes; leave it out, or use another prefix"
                ),
            });
        }
        let topics = Self { names, positions, partitions };
        let all = Topic::ALL
            .into_iter()
            .map(|topic| (topics.name(topic), topics.partitions(topic), keeps(topic)))
            .chain([(topics.positions(), 1, Keeps::LastOfKey)]);
        let (here, missing): (Vec<_>, Vec<_>) = all.partition(|(name, _, _)| found.contains_key(*name));
        for (name, partitions, _) in &here {
            let stored = found[*name];
            if stored != *partitions {
                return Err(LogError::KafkaTopic {
                    topic: (*name).to_owned(),
                    problem: format!(
                        "has {stored} partitions where {partitions} are needed; delete it, or use another prefix"
                    ),
                });
            }
        }
        check(client, &admin, &here)?;
        make(client, &admin, &missing)?;
        Ok(topics)
    }

    pub(super) fn name(&self, topic: Topic) -> &str {
        &self.names[&topic]
    }

    pub(super) fn positions(&self) -> &str {
        &self.positions
    }

    pub(super) fn partitions(&self, topic: Topic) -> u32 {
        if topic.is_partitioned() { self.partitions } else { 1 }
    }
}

/// The cluster's topics that bear the prefix, with their numbers of partitions.
fn existing(client: &Client) -> Result<BTreeMap<String, u32>, LogError> {
    let metadata = client.retry("list its topics", || client.any().fetch_metadata(None, client.call))?;
    let ours = metadata.topics().iter().filter(|topic| topic.name().starts_with(&client.prefix));
    Ok(ours.map(|topic| (topic.name().to_owned(), topic.partitions().len() as u32)).collect())
}

type TopicSpec<'a> = (&'a str, u32, Keeps);

/// Refuses a topic whose records would vanish, or never would.
fn check(client: &Client, admin: &AdminClient<DefaultClientContext>, here: &[TopicSpec<'_>]) -> Result<(), LogError> {
    if here.is_empty() {
        return Ok(());
    }
    let names: Vec<ResourceSpecifier<'_>> = here.iter().map(|(name, _, _)| ResourceSpecifier::Topic(name)).collect();
    let options = AdminOptions::new().request_timeout(Some(client.call));
    let described = client.retry("describe its topics", || block_on(admin.describe_configs(&names, &options)))?;
    for (described, (name, _, keeps)) in described.into_iter().zip(here) {
        let wrong = |problem: &str| LogError::KafkaTopic { topic: (*name).to_owned(), problem: problem.to_owned() };
        // Who may not read the configuration cannot check it; what a role reads and writes still works.
        let Ok(config) = described else {
            tracing::warn!(topic = name, "its configuration cannot be read, and is not checked");
            continue;
        };
        let policy = config.get("cleanup.policy").and_then(|entry| entry.value.as_deref()).unwrap_or_default();
        match keeps {
            Keeps::All | Keeps::NewestBytes(_) if policy.contains("compact") => {
                return Err(wrong("is compacted (cleanup.policy), and records would be lost; set it to `delete`"));
            }
            Keeps::LastOfKey if policy != "compact" => {
                return Err(wrong("is not compacted; set its cleanup.policy to `compact`"));
            }
            Keeps::All if config.get("retention.ms").is_some_and(|entry| entry.value.as_deref() != Some("-1")) => {
                tracing::info!(topic = name, "records are removed after some time (retention.ms)");
            }
            Keeps::LastOfKeyForDays(days) if !policy.contains("compact") => {
                tracing::warn!(
                    topic = name,
                    "keeps every tick: set its cleanup.policy to `compact,delete` and its retention.ms to {days} days"
                );
            }
            _ => {}
        }
    }
    Ok(())
}

fn make(client: &Client, admin: &AdminClient<DefaultClientContext>, missing: &[TopicSpec<'_>]) -> Result<(), LogError> {
    if missing.is_empty() {
        return Ok(());
    }
    let largest = MAX_MESSAGE.to_string();
    let numbers: BTreeMap<u64, String> = [PEAKS_DAYS * DAY_MS, REJECTED_BYTES, REJECTED_BYTES / 8]
        .into_iter()
        .map(|number| (number, number.to_string()))
        .collect();
    let retained = |number: &u64| numbers.get(number).map_or("-1", String::as_str);
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .map(|(name, partitions, keeps)| {
            // -1: as many replicas as the cluster's own default.
            let topic = NewTopic::new(name, *partitions as i32, TopicReplication::Fixed(-1))
                .set("max.message.bytes", &largest)
                .set("message.timestamp.type", "CreateTime")
                // Nothing depends on the time of a message: a role whose clock is ahead need not stand still.
                .set("message.timestamp.after.max.ms", ANY_TIME_MS);
            match keeps {
                Keeps::All => {
                    topic.set("cleanup.policy", "delete").set("retention.ms", "-1").set("retention.bytes", "-1")
                }
                Keeps::LastOfKey => topic.set("cleanup.policy", "compact").set("segment.ms", "3600000"),
                Keeps::LastOfKeyForDays(days) => topic
                    .set("cleanup.policy", "compact,delete")
                    .set("segment.ms", "3600000")
                    .set("retention.bytes", "-1")
                    .set("retention.ms", retained(&(days * DAY_MS))),
                Keeps::NewestBytes(bytes) => topic
                    .set("cleanup.policy", "delete")
                    .set("retention.ms", "-1")
                    .set("segment.bytes", retained(&(bytes / 8)))
                    .set("retention.bytes", retained(bytes)),
            }
        })
        .collect();
    let options = AdminOptions::new().operation_timeout(Some(client.call)).request_timeout(Some(client.call));
    let made = client.retry("make topics", || block_on(admin.create_topics(&new, &options)))?;
    for made in made {
        match made {
            // Another role may have made it meanwhile.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, why)) => return Err(LogError::KafkaTopic { topic, problem: format!("cannot be made: {why}") }),
        }
    }
    tracing::info!(topics = ?missing.iter().map(|(name, _, _)| name).collect::<Vec<_>>(), "made");
    let patience = client.patience();
    while !missing.iter().all(|(name, partitions, _)| {
        let known = client.any().fetch_metadata(Some(name), client.call);
        known.is_ok_and(|known| {
            known.topics().first().is_some_and(|topic| {
                topic.partitions().len() as u32 == *partitions
                    && topic.partitions().iter().all(|partition| partition.error().is_none() && partition.leader() >= 0)
            })
        })
    }) {
        if patience.is_over() {
            return Err(LogError::KafkaTopic {
                topic: missing[0].0.to_owned(),
                problem: "was made and has no leader".into(),
            });
        }
        client.signal.pause(std::time::Duration::from_millis(20));
    }
    Ok(())
}
