//! Puts records on the broker, in order and for good.

use super::cluster::{Cluster, PATIENCE, Reports};
use super::record::{event_headers, letter_headers};
use crate::events::dead::DeadLetter;
use crate::events::relay::{Publish, Published};
use crate::store::{LoggedEvent, StoreError};
use async_trait::async_trait;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::OwnedHeaders;
use rdkafka::metadata::Metadata;
use rdkafka::producer::{DeliveryFuture, FutureProducer, FutureRecord, Producer, PurgeConfig};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::{Instant, timeout_at};

/// A producer, which is made anew after it has failed.
///
/// It has no time limit of its own for a record: then one could be given up and the next one of the same user still be sent. Instead the
/// whole producer is given up, with all that it has not sent.
pub(super) struct Publisher {
    cluster: Arc<Cluster>,
    producer: Mutex<Option<FutureProducer<Reports>>>,
}

impl Publisher {
    pub fn new(cluster: Arc<Cluster>) -> Arc<Self> {
        Arc::new(Self { cluster, producer: Mutex::default() })
    }

    /// What the cluster has.
    pub async fn metadata(&self) -> KafkaResult<Metadata> {
        let producer = self.producer()?;
        let fetched = tokio::task::spawn_blocking(move || producer.client().fetch_metadata(None, PATIENCE / 2)).await;
        fetched.unwrap_or(Err(KafkaError::Canceled))
    }

    /// Writes one record, and waits until the broker has it for good.
    pub async fn write(&self, topic: &str, key: Option<&[u8]>, value: Option<&[u8]>, letter: Option<&DeadLetter>) -> Result<(), StoreError> {
        let headers = match letter {
            Some(letter) => letter_headers(letter)?,
            None => event_headers(),
        };
        let failed = |error| self.cluster.failed(&error);
        let producer = self.producer().map_err(failed)?;
        let until = Instant::now() + PATIENCE;
        let sent = send(&producer, &self.cluster.topic(topic), key, value, headers);
        let written = match sent {
            Ok(report) => delivered(report, until).await,
            Err(error) => Err(error),
        };
        // What is left of it must not be written behind what is written instead.
        written.inspect_err(|_| self.give_up(producer)).map_err(failed)
    }

    fn producer(&self) -> KafkaResult<FutureProducer<Reports>> {
        let mut producer = self.producer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(producer) = &*producer {
            return Ok(producer.clone());
        }
        let mut client = self.cluster.client();
        client.set("enable.idempotence", "true").set("acks", "all").set("compression.type", "lz4");
        // As Dapr's Kafka client has it: whoever publishes, a user's events are in one part.
        client.set("partitioner", "fnv1a_random");
        client.set("linger.ms", "1").set("message.timeout.ms", "0").set("message.max.bytes", "8000000");
        let made: FutureProducer<Reports> = client.create_with_context(self.cluster.context())?;
        Ok(producer.insert(made).clone())
    }

    /// Gives a producer up, with all that it has not sent.
    fn give_up(&self, failed: FutureProducer<Reports>) {
        *self.producer.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // Whoever drops the last of it waits for its thread.
        tokio::task::spawn_blocking(move || {
            failed.purge(PurgeConfig::default().queue().inflight());
            drop(failed);
        });
    }
}

#[async_trait]
impl Publish for Publisher {
    async fn publish(&self, events: &[LoggedEvent]) -> Published {
        // A producer would make a topic that is not there, with the cluster's defaults.
        if !self.cluster.ready_within(PATIENCE).await {
            let away = self.cluster.away().unwrap_or_else(|| "the topics are not there yet".to_owned());
            return Published { delivered: 0, trouble: Some(away) };
        }
        let producer = match self.producer() {
            Ok(producer) => producer,
            Err(error) => return Published { delivered: 0, trouble: Some(self.cluster.explain(&error)) },
        };
        let until = Instant::now() + PATIENCE;
        let send = |event: &LoggedEvent| {
            let (key, value) = (event.user.as_str().as_bytes(), event.body.get().as_bytes());
            send(&producer, &self.cluster.topic(&event.topic), Some(key), Some(value), event_headers())
        };
        // Behind one that could not be queued, none is.
        let sent: Vec<KafkaResult<DeliveryFuture>> = events.iter().map(send).scan(true, |good, sent| {
            let go_on = std::mem::replace(good, sent.is_ok());
            go_on.then_some(sent)
        }).collect();
        let (mut count, mut trouble) = (0, None);
        for report in sent {
            let outcome = match report {
                Ok(report) => delivered(report, until).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => count += 1,
                Err(error) => {
                    trouble = Some(self.cluster.explain(&error));
                    break;
                }
            }
        }
        if trouble.is_some() {
            self.give_up(producer);
        }
        Published { delivered: count, trouble }
    }
}

fn send(
    producer: &FutureProducer<Reports>,
    topic: &str,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: OwnedHeaders,
) -> KafkaResult<DeliveryFuture> {
    let record = FutureRecord { topic, partition: None, payload: value, key, timestamp: None, headers: Some(headers) };
    producer.send_result(record).map_err(|(error, _)| error)
}

async fn delivered(report: DeliveryFuture, until: Instant) -> KafkaResult<()> {
    match timeout_at(until, report).await {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Ok(Err((error, _)))) => Err(error),
        Ok(Err(_)) => Err(KafkaError::Canceled),
        Err(_) => Err(KafkaError::MessageProduction(rdkafka::error::RDKafkaErrorCode::MessageTimedOut)),
    }
}

