//! Kafka inside the process: one broker of librdkafka's mock cluster.
//!
//! Guarantee: real Kafka protocol over loopback sockets, so the adapters run as
//! against a cluster, consumer groups included. It is no store: nothing outlives the
//! process, there is no compaction, and no transaction hides a record.
//!
//! The log is bounded: a partition drops its oldest record batches above 5 MiB or
//! 100,000 batches (`rd_kafka_mock_partition_init` and `rd_kafka_mock_msgset_new` in
//! `rdkafka_mock.c` of librdkafka 2.12.1). A consumer that is further behind gets "offset out of
//! range", which the Kafka adapter reports as lost offsets, never as an empty topic.
//!
//! Groups form slower than on a cluster: the first members of a group wait 3 s for more, and every
//! later rebalance takes `session.timeout.ms` less one second, because the mock always waits
//! for that long (`rd_kafka_mock_cgrp_classic_rebalance` in `rdkafka_mock_cgrp.c`).
//! [`GROUP_PROPERTIES`] makes that two seconds.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::error::KafkaError as ClientError;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Client properties with which a group on this broker rebalances in two seconds.
pub const GROUP_PROPERTIES: [(&str, &str); 2] =
    [("session.timeout.ms", "3000"), ("heartbeat.interval.ms", "500")];

/// Most partitions of one topic: each is a log of up to 5 MiB in this process.
pub const MAX_PARTITIONS: i32 = 64;

/// Connections that [`forward`] carries at once; a further one waits to be accepted.
const MAX_FORWARDED: usize = 256;

/// How long the broker of a forwarded connection may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedKafkaError {
    #[error("the embedded kafka broker could not start: {0}")]
    Start(#[source] ClientError),
    #[error(
        "topic {topic:?} with {partitions} partitions could not be created: {source}; \
         each name once, letters, digits, '.', '_' and '-'"
    )]
    Topic { topic: String, partitions: i32, source: ClientError },
    #[error("topic {topic:?} cannot have {partitions} partitions: ask for 1 to {MAX_PARTITIONS}")]
    Partitions { topic: String, partitions: i32 },
    #[error("the thread of the embedded kafka broker could not start: {0}")]
    Thread(#[source] io::Error),
    #[error("the embedded kafka broker ended while it started")]
    Ended,
}

/// A running broker; dropping it ends it and forgets everything.
#[derive(Debug)]
pub struct EmbeddedKafka {
    bootstrap_servers: String,
    /// Closed by `drop`; the thread waits for that.
    alive: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedKafka {
    /// Starts a broker on a free loopback port with these topics: name and number
    /// of partitions, 1 to [`MAX_PARTITIONS`]. A producer that names another topic
    /// creates it, with four partitions.
    ///
    /// # Errors
    ///
    /// When a topic is not possible or librdkafka cannot open its sockets.
    pub fn start(topics: &[(&str, i32)]) -> Result<Self, EmbeddedKafkaError> {
        for (topic, partitions) in topics {
            if !(1..=MAX_PARTITIONS).contains(partitions) {
                return Err(EmbeddedKafkaError::Partitions {
                    topic: (*topic).to_owned(),
                    partitions: *partitions,
                });
            }
        }
        let topics: Vec<(String, i32)> = topics.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
        let (started_sender, started) = mpsc::sync_channel(1);
        let (alive, ended) = mpsc::channel();
        // The mock cluster is bound to the thread that made it.
        let thread = std::thread::Builder::new()
            .name("embedded kafka".to_owned())
            .spawn(move || keep(&topics, &started_sender, &ended))
            .map_err(EmbeddedKafkaError::Thread)?;
        let bootstrap_servers = started.recv().map_err(|_| EmbeddedKafkaError::Ended)??;
        Ok(Self { bootstrap_servers, alive: Some(alive), thread: Some(thread) })
    }

    /// `host:port` of the broker, for `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        self.bootstrap_servers.clone()
    }
}

impl Drop for EmbeddedKafka {
    fn drop(&mut self) {
        drop(self.alive.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the embedded kafka broker panicked");
        }
    }
}

type Started = Result<String, EmbeddedKafkaError>;

/// Owns the cluster until `ended` closes.
fn keep(topics: &[(String, i32)], started: &SyncSender<Started>, ended: &Receiver<()>) {
    let cluster = match cluster(topics) {
        Ok(cluster) => cluster,
        Err(error) => {
            // The caller waits for this one message.
            started.send(Err(error)).ok();
            return;
        }
    };
    if started.send(Ok(cluster.bootstrap_servers())).is_ok() {
        // Nothing is ever sent: this returns when the other side is dropped.
        ended.recv().ok();
    }
}

fn cluster(
    topics: &[(String, i32)],
) -> Result<MockCluster<'static, DefaultProducerContext>, EmbeddedKafkaError> {
    let cluster = MockCluster::new(1).map_err(EmbeddedKafkaError::Start)?;
    for (topic, partitions) in topics {
        cluster.create_topic(topic, *partitions, 1).map_err(|source| EmbeddedKafkaError::Topic {
            topic: topic.clone(),
            partitions: *partitions,
            source,
        })?;
    }
    Ok(cluster)
}

/// A port that forwards to a broker; dropping it closes the port and its connections.
#[derive(Debug)]
pub struct Forward {
    address: SocketAddr,
    /// Aborted when dropped.
    _accepting: JoinSet<()>,
}

impl Forward {
    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Forwards connections at `listen` (port 0 takes a free one) to the broker at
/// `bootstrap`, for development: the mock broker cannot be given a port, but a
/// client bootstraps through this one and then follows the address that the broker
/// advertises, which is on the loopback interface. So clients are on this machine.
///
/// # Errors
///
/// When the port cannot be opened.
pub async fn forward(listen: SocketAddr, bootstrap: SocketAddr) -> io::Result<Forward> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let mut accepting = JoinSet::new();
    accepting.spawn(accept(listener, bootstrap));
    Ok(Forward { address, _accepting: accepting })
}

async fn accept(listener: TcpListener, bootstrap: SocketAddr) {
    let slots = Arc::new(Semaphore::new(MAX_FORWARDED));
    // Owned here, so that connections end with the port.
    let mut connections = JoinSet::new();
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((client, peer)) => {
                connections.spawn(async move {
                    if let Err(error) = carry(client, bootstrap).await {
                        tracing::debug!(%error, %peer, "forwarded connection ended");
                    }
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Out of file handles, most likely: do not spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn carry(mut client: TcpStream, bootstrap: SocketAddr) -> io::Result<()> {
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(bootstrap)).await;
    let mut broker = connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    tokio::io::copy_bidirectional(&mut client, &mut broker).await?;
    Ok(())
}
