//! The real binary as a process of its own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::bench::Working;
use super::{DEADLINE, blocking, until};

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lookalike"));
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).stdin(Stdio::null());
    // Only the library's place comes from outside.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("LOOKALIKE__")) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end.
pub(crate) async fn lookalike(arguments: &[&str]) -> Finished {
    lookalike_with(arguments, &[]).await
}

/// The same with environment variables.
pub(crate) async fn lookalike_with(arguments: &[&str], environment: &[(&str, &str)]) -> Finished {
    let mut command = command(arguments);
    command.envs(environment.iter().copied());
    let running = blocking(move || command.output());
    let output: Output = tokio::time::timeout(DEADLINE, running).await.expect("it ends in time").unwrap();
    Finished {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a command left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running worker process. Dropped, it is killed.
pub(crate) struct Process {
    child: Mutex<Child>,
    log: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
    address: Option<SocketAddr>,
}

impl Process {
    /// Starts it, without waiting for anything.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = command(arguments).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
            }
        });
        Self { child: Mutex::new(child), log, reader: Some(reader), address: None }
    }

    /// Starts a worker and waits until its HTTP port is open.
    pub(crate) async fn start_serving(arguments: &[&str]) -> Self {
        let mut process = Self::start(arguments);
        let log = Arc::clone(&process.log);
        let address = until("the http interface", || {
            let lines = log.lock().unwrap().clone();
            async move {
                let found =
                    lines.iter().find_map(|line| line.split("http interface listens address=").nth(1));
                found.map(|address| address.trim().parse().unwrap()).ok_or(lines.join("\n"))
            }
        })
        .await;
        process.address = Some(address);
        process
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// `GET path`: status and body.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let (address, path) = (self.address.expect("it serves http"), path.to_owned());
        blocking(move || get(address, &path)).await.unwrap()
    }

    /// Sum of a metric over all label sets that contain `labels`.
    pub(crate) async fn metric(&self, name: &str, labels: &[&str]) -> f64 {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200, "{text}");
        let of_name = |line: &&str| {
            let rest = line.strip_prefix(name);
            rest.is_some_and(|rest| rest.starts_with('{') || rest.starts_with(' '))
        };
        let lines =
            text.lines().filter(of_name).filter(|line| labels.iter().all(|label| line.contains(label)));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Waits until it says that it is ready.
    pub(crate) async fn ready(&self) {
        until("readiness", || async {
            let (status, body) = self.get("/readyz").await;
            if status == 200 { Ok(()) } else { Err(format!("{status} {body}")) }
        })
        .await;
    }

    /// `SIGKILL`, at once.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// `SIGTERM`.
    pub(crate) fn terminate(&self) {
        let kill = format!("kill -TERM {}", self.child.lock().unwrap().id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end; answers the exit code and the log.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status: ExitStatus = until("the process to end", || {
            let ended = self.child.lock().unwrap().try_wait().unwrap().ok_or_else(|| self.log());
            async move { ended }
        })
        .await;
        // Its end closed the pipe.
        let reader = self.reader.take().unwrap();
        blocking(move || reader.join().unwrap()).await;
        (status.code(), self.log())
    }
}

impl Working for Process {
    fn has_ended(&self) -> bool {
        self.child.lock().unwrap().try_wait().unwrap().is_some()
    }

    fn story(&self) -> String {
        let metrics = self.address.and_then(|address| get(address, "/metrics").ok());
        let (_, text) = metrics.unwrap_or_default();
        let told =
            ["lookalike_records_", "lookalike_consumer_lag", "lookalike_assigned", "lookalike_stage_retries"];
        let lines = text.lines().filter(|line| told.iter().any(|name| line.starts_with(name)));
        format!("{}\n{}", self.log(), lines.collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let child = self.child.get_mut().unwrap();
        // It may have ended already.
        child.kill().ok();
        child.wait().ok();
    }
}

fn get(address: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    Ok((head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned()))
}
