//! `lookalike dev`: the embedded servers by themselves, for trying things out.
//!
//! Guarantee: a server ends with the command. Kafka keeps nothing; Qdrant keeps its
//! folder, and what it answered `Completed` survives a kill.

use std::future::Future;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::embedded::kafka::{EmbeddedKafka, MAX_PARTITIONS, forward};
use crate::embedded::qdrant::QdrantServer;

/// Topics that the default configuration names, and their partitions.
const DEFAULT_TOPICS: [&str; 4] =
    ["catalog.events:6", "lookalike.rank:6", "lookalike.similar:6", "lookalike.dead-letters:1"];

const KAFKA_EXAMPLES: &str = "\
One broker of librdkafka's mock cluster: for clients on this machine, up to 5 MiB a partition,
nothing on disk, no transactions, no compaction. Groups rebalance in session.timeout.ms less 1 s.

Example:
  lookalike dev kafka --listen 127.0.0.1:9092 --topic catalog.events:6
  kcat -b 127.0.0.1:9092 -L";

const QDRANT_EXAMPLES: &str = "\
Qdrant's gRPC interface on the qdrant-edge engine: exact searches, one process a folder.

Example:
  lookalike dev qdrant --listen 127.0.0.1:6334 --directory qdrant-data
  LOOKALIKE__QDRANT__URL=http://127.0.0.1:6334 lookalike run -c lookalike.yaml";

/// Runs an embedded server until SIGINT or SIGTERM
#[derive(Debug, Clone, Args)]
pub struct DevArguments {
    #[command(subcommand)]
    pub command: DevCommand,
}

/// The embedded servers.
#[derive(Debug, Clone, Subcommand)]
pub enum DevCommand {
    /// A Kafka broker in memory
    Kafka(KafkaArguments),
    /// A Qdrant server on a folder
    Qdrant(QdrantArguments),
}

/// Arguments of `lookalike dev qdrant`.
#[derive(Debug, Clone, Args)]
#[command(after_help = QDRANT_EXAMPLES)]
pub struct QdrantArguments {
    /// Address and port for clients (gRPC); port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:6334")]
    pub listen: SocketAddr,
    /// Folder of the collections, made if it is not there
    #[arg(long, value_name = "DIR", default_value = "lookalike-qdrant")]
    pub directory: PathBuf,
}

/// Arguments of `lookalike dev kafka`.
#[derive(Debug, Clone, Args)]
#[command(after_help = KAFKA_EXAMPLES)]
pub struct KafkaArguments {
    /// Address and port for clients; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9092")]
    pub listen: SocketAddr,
    /// A topic and its number of partitions; repeat it for more
    #[arg(long = "topic", value_name = "NAME:PARTITIONS", default_values = DEFAULT_TOPICS, value_parser = topic)]
    pub topics: Vec<(String, i32)>,
}

fn topic(text: &str) -> Result<(String, i32), String> {
    let usage = || format!("give NAME:PARTITIONS with 1 to {MAX_PARTITIONS} partitions");
    let (name, partitions) = text.rsplit_once(':').ok_or_else(usage)?;
    let partitions: i32 = partitions.parse().map_err(|_| usage())?;
    if name.is_empty() || !(1..=MAX_PARTITIONS).contains(&partitions) {
        return Err(usage());
    }
    Ok((name.to_owned(), partitions))
}

/// Runs the chosen server; one line with its address goes to `out` when it answers.
///
/// # Errors
///
/// When the server cannot start.
pub async fn run(arguments: &DevArguments, out: &mut dyn Write) -> anyhow::Result<()> {
    // Caught before the address is printed: whoever reads it may already end us.
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let shutdown = async {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    match &arguments.command {
        DevCommand::Kafka(arguments) => kafka(arguments, out, shutdown).await,
        DevCommand::Qdrant(arguments) => qdrant(arguments, out, shutdown).await,
    }
}

/// Runs the Qdrant server until `shutdown`.
async fn qdrant(
    arguments: &QdrantArguments,
    out: &mut dyn Write,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let server = QdrantServer::start(&arguments.directory, arguments.listen).await?;
    writeln!(out, "{}", server.url())?;
    out.flush()?;
    shutdown.await;
    Ok(server.shutdown().await?)
}

/// Runs the broker until `shutdown`.
async fn kafka(
    arguments: &KafkaArguments,
    out: &mut dyn Write,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let topics: Vec<(&str, i32)> = arguments.topics.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    let broker = EmbeddedKafka::start(&topics)?;
    let servers = broker.bootstrap_servers();
    let behind = servers.parse().with_context(|| format!("broker address {servers}"))?;
    let listen = arguments.listen;
    let port = forward(listen, behind)
        .await
        .with_context(|| format!("cannot listen on {listen}; free the port or set another --listen"))?;
    writeln!(out, "{}", port.address())?;
    out.flush()?;
    shutdown.await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        dev: DevArguments,
    }

    fn topics(arguments: &[&str]) -> Result<Vec<(String, i32)>, clap::Error> {
        let all = ["dev", "kafka"].iter().chain(arguments);
        Command::try_parse_from(all).map(|command| match command.dev.command {
            DevCommand::Kafka(arguments) => arguments.topics,
            DevCommand::Qdrant(_) => Vec::new(),
        })
    }

    #[test]
    fn topics_are_named_with_their_partitions() {
        let defaults = [("catalog.events", 6), ("lookalike.rank", 6), ("lookalike.similar", 6)];
        let defaults = defaults.into_iter().chain([("lookalike.dead-letters", 1)]);
        let defaults: Vec<(String, i32)> = defaults.map(|(name, n)| (name.to_owned(), n)).collect();
        assert_eq!(topics(&[]).unwrap(), defaults);
        let own = topics(&["--topic", "a:1", "--topic", "b.c:64"]).unwrap();
        assert_eq!(own, [("a".to_owned(), 1), ("b.c".to_owned(), 64)]);
        for bad in ["a", "a:", "a:0", "a:65", ":1", "a:x"] {
            let error = topics(&["--topic", bad]).unwrap_err().to_string();
            assert!(error.contains("give NAME:PARTITIONS with 1 to 64 partitions"), "{bad}: {error}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_line_with_the_address_is_printed_and_a_taken_port_is_an_error() {
        let (mut printed, mut again) = (Vec::new(), Vec::new());
        let listen = "127.0.0.1:0".parse().unwrap();
        let arguments = KafkaArguments { listen, topics: vec![("events".to_owned(), 3)] };
        kafka(&arguments, &mut printed, async {}).await.unwrap();
        let address: SocketAddr = std::str::from_utf8(&printed).unwrap().trim_end().parse().unwrap();
        assert_ne!(address.port(), 0);

        let taken = tokio::net::TcpListener::bind(listen).await.unwrap();
        let arguments = KafkaArguments { listen: taken.local_addr().unwrap(), ..arguments };
        let never = std::future::pending();
        let started = tokio::time::timeout(Duration::from_secs(30), kafka(&arguments, &mut again, never));
        let error = started.await.unwrap().unwrap_err().to_string();
        assert!(error.starts_with("cannot listen on 127.0.0.1:") && again.is_empty(), "{error}");
    }
}
