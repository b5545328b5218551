//! `lookalike` as processes of their own, so that memory and processor time are apart.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Failure;

/// A start that takes longer than this has failed.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(120);

/// A running `lookalike`. Dropped, it is killed.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts it; its standard error goes to `log`.
    pub(crate) fn start(arguments: &[&str], log: &Path) -> Result<Self, Failure> {
        let child = Command::new(env!("CARGO_BIN_EXE_lookalike"))
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log)?)
            .spawn()?;
        Ok(Self { child, log: log.to_owned() })
    }

    /// The first line that it prints.
    pub(crate) fn first_line(&mut self) -> Result<String, Failure> {
        let output = self.child.stdout.take().ok_or("its output was read before")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        if line.is_empty() {
            return Err(self.ended("it said nothing"));
        }
        Ok(line.trim_end().to_owned())
    }

    /// Where its HTTP interface answers, from its log.
    pub(crate) fn http_address(&mut self) -> Result<SocketAddr, Failure> {
        self.until("its http interface", |process| {
            let log = std::fs::read_to_string(&process.log)?;
            let address = log.lines().find_map(|line| line.split("http interface listens address=").nth(1));
            Ok(address.map(|address| address.trim().parse()).transpose()?)
        })
    }

    /// Waits for something, for as long as the process lives and the deadline lasts.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&Self) -> Result<Option<T>, Failure>,
    ) -> Result<T, Failure> {
        let begun = Instant::now();
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if self.child.try_wait()?.is_some() || begun.elapsed() > START_DEADLINE {
                return Err(self.ended(what));
            }
            // Polling with a bound.
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn ended(&self, what: &str) -> Failure {
        format!("waited in vain for {what}; its log is {}", self.log.display()).into()
    }

    /// Memory and processor time so far.
    pub(crate) fn usage(&self) -> Result<Usage, Failure> {
        Usage::of(&self.child.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What the kernel counts of a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) resident_bytes: u64,
    pub(crate) peak_bytes: u64,
    /// In user and kernel mode, of all threads.
    pub(crate) processor_seconds: f64,
}

impl Usage {
    /// Of a process, or of `self`.
    pub(crate) fn of(process: &str) -> Result<Self, Failure> {
        let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
        let kibibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
            number.map_or(0, |number| number << 10)
        };
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name before may hold anything; after it, user time is the 12th field.
        let fields = stat.rsplit(") ").next().unwrap_or_default().split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Self {
            resident_bytes: kibibytes("VmRSS:"),
            peak_bytes: kibibytes("VmHWM:"),
            // The kernel reports hundredths of a second, whatever it counts in.
            processor_seconds: ticks as f64 / 100.0,
        })
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "resident_bytes": self.resident_bytes,
            "peak_bytes": self.peak_bytes,
            "processor_seconds": self.processor_seconds,
        })
    }
}

/// `GET path`: status and body.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<(u16, String), Failure> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").ok_or("an answer without body")?;
    let status = head.split(' ').nth(1).ok_or("an answer without status")?;
    Ok((status.parse()?, body.to_owned()))
}
