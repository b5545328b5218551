//! What can be set about the encoder.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EncoderError, TextSettings, VisionSettings};
use crate::imaging::ImageLimits;

/// Settings of the encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderSettings {
    /// Model directory in the Hugging Face layout.
    pub directory: PathBuf,
    /// ONNX Runtime, the shared library itself. Without it
    /// `.cache/onnxruntime/libonnxruntime.so` is loaded.
    pub library: Option<PathBuf>,
    /// Where the networks run.
    pub execution_provider: ExecutionProvider,
    /// Image sessions, each with a thread of its own, 1 to 64. Texts have one
    /// more.
    pub sessions: usize,
    /// Threads inside one session, 1 to 1024.
    pub threads: usize,
    /// Most pictures or texts that go through the network at once, 1 to 4096.
    pub max_batch_size: usize,
    /// How long an incomplete batch waits for more, in milliseconds, at most
    /// 1000. Worth a few on a GPU; 0 on a CPU, where a batch gains little.
    #[serde(
        rename = "max_batch_delay_ms",
        serialize_with = "as_milliseconds",
        deserialize_with = "from_milliseconds"
    )]
    pub max_batch_delay: Duration,
    /// Pictures (and, apart from them, texts) that may wait for a session, 1 to
    /// 65,536. A caller beyond that waits before it enters the queue.
    pub queue_capacity: usize,
    /// Limits on the pictures that are decoded.
    pub images: ImageLimits,
    /// Where the image network's files leave something open.
    pub vision: VisionSettings,
    /// The same for the text network.
    pub text: TextSettings,
}

/// What a network runs on. A provider that was asked for and cannot be used is
/// an error: there is no falling back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionProvider {
    Cpu,
    Cuda,
}

impl ExecutionProvider {
    /// Its name in settings, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }
}

impl Default for EncoderSettings {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("assets/demo-encoder"),
            library: None,
            execution_provider: ExecutionProvider::Cpu,
            sessions: 1,
            threads: 1,
            max_batch_size: 8,
            max_batch_delay: Duration::ZERO,
            queue_capacity: 256,
            images: ImageLimits::default(),
            vision: VisionSettings::default(),
            text: TextSettings::default(),
        }
    }
}

impl EncoderSettings {
    /// Uses `library` unless one is set already: for the value of the
    /// environment variable `ORT_DYLIB_PATH`, which the caller reads.
    pub fn or_library(mut self, library: Option<PathBuf>) -> Self {
        let given = library.filter(|path| !path.as_os_str().is_empty());
        self.library = self.library.or(given);
        self
    }

    /// Checks the ranges that the fields state.
    pub fn validate(&self) -> Result<(), EncoderError> {
        let delay = self.max_batch_delay.as_millis() as usize;
        for (name, value, least, most) in [
            ("sessions", self.sessions, 1, 64),
            ("threads", self.threads, 1, 1_024),
            ("max_batch_size", self.max_batch_size, 1, 4_096),
            ("max_batch_delay_ms", delay, 0, 1_000),
            ("queue_capacity", self.queue_capacity, 1, 65_536),
        ] {
            if !(least..=most).contains(&value) {
                return Err(EncoderError::Setting { name, value, least, most });
            }
        }
        self.vision.validate()?;
        self.text.validate()
    }
}

fn as_milliseconds<S: Serializer>(delay: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(delay.as_millis() as u64)
}

fn from_milliseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survive_a_round_trip_and_refuse_unknown_keys() {
        let settings = EncoderSettings {
            max_batch_delay: Duration::from_millis(7),
            execution_provider: ExecutionProvider::Cuda,
            ..EncoderSettings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        assert!(text.contains("\"max_batch_delay_ms\":7"), "{text}");
        assert_eq!(serde_json::from_str::<EncoderSettings>(&text).unwrap(), settings);
        assert!(serde_json::from_str::<EncoderSettings>("{\"thread\": 1}").is_err());
        assert!(serde_json::from_str::<EncoderSettings>("{}").unwrap().validate().is_ok());
    }

    #[test]
    fn ranges_are_checked() {
        let settings = EncoderSettings { queue_capacity: 0, ..EncoderSettings::default() };
        let message = settings.validate().unwrap_err().to_string();
        assert!(message.contains("encoder.queue_capacity"), "{message}");
        assert!(message.contains("1 to 65536"), "{message}");
    }

    #[test]
    fn the_setting_wins_over_the_environment() {
        let with = |setting: Option<&str>, environment: Option<&str>| {
            let settings =
                EncoderSettings { library: setting.map(PathBuf::from), ..EncoderSettings::default() };
            settings.or_library(environment.map(PathBuf::from)).library
        };
        assert_eq!(with(Some("a"), Some("b")), Some(PathBuf::from("a")));
        assert_eq!(with(None, Some("b")), Some(PathBuf::from("b")));
        assert_eq!(with(None, Some("")), None);
        assert_eq!(with(None, None), None);
    }
}
