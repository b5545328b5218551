//! What can be set about the encoder.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EncoderError, TextSettings, VisionSettings};
use crate::imaging::ImageLimits;

/// Settings of the encoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Threads inside one session, 1 to 1024; 0 divides the cores that this process
    /// may use evenly among the image sessions.
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
    #[schemars(with = "u64")]
    pub max_batch_delay: Duration,
    /// Pictures (and, apart from them, texts) that may wait for a session, 1 to
    /// 65,536. A caller beyond that waits before it enters the queue.
    pub queue_capacity: usize,
    /// What only matters on a GPU.
    pub gpu: GpuSettings,
    /// Limits on the pictures that are decoded.
    pub images: ImageLimits,
    /// Where the image network's files leave something open.
    pub vision: VisionSettings,
    /// The same for the text network.
    pub text: TextSettings,
}

/// The lowest and the highest number of each setting, both included.
pub const RANGES: [(&str, usize, usize); 7] = [
    ("sessions", 1, 64),
    ("threads", 0, 1_024),
    ("max_batch_size", 1, 4_096),
    ("max_batch_delay_ms", 0, 1_000),
    ("queue_capacity", 1, 65_536),
    ("gpu.device_id", 0, 255),
    ("gpu.memory_mebibytes", LEAST_MEMORY, 1 << 20),
];
const LEAST_MEMORY: usize = 64;

/// What a network runs on. A provider that was asked for and cannot be used is
/// an error: there is no falling back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecutionProvider {
    Cpu,
    Cuda,
    TensorRt,
}

/// How a GPU is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GpuSettings {
    /// Which GPU, as CUDA numbers those that the process sees, 0 to 255.
    pub device_id: usize,
    /// Most memory that one session takes for weights and intermediate results, in
    /// MiB, 64 to 1,048,576; without it, as much as there is.
    pub memory_mebibytes: Option<usize>,
    /// Sizes to which a batch is filled up, ascending, so that the GPU sees few
    /// shapes. Without it the powers of two below `max_batch_size`, and itself; an
    /// empty list fills nothing up.
    pub batch_sizes: Option<Vec<usize>>,
    /// TensorRT computes in 16 bits where it can. For CUDA, export the network in 16
    /// bits instead.
    pub half_precision: bool,
    /// Folder in which TensorRT keeps the engines it has built, in one folder for
    /// each encoder. Without it they are built at every start, which takes minutes.
    pub engine_cache: Option<PathBuf>,
}

impl ExecutionProvider {
    /// Its name in settings, logs and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
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
            threads: 0,
            max_batch_size: 8,
            max_batch_delay: Duration::ZERO,
            queue_capacity: 256,
            gpu: GpuSettings::default(),
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

    /// An image has several vectors, its own and those of its variants.
    pub fn has_variants(&self) -> bool {
        !self.vision.augmentations.is_empty()
    }

    /// Threads inside one session, on a machine of which `cores` may be used.
    pub(super) fn threads_of_a_session(&self, cores: usize) -> usize {
        match self.threads {
            0 => (cores / self.sessions).max(1),
            threads => threads,
        }
    }

    /// Sizes to which batches are filled up, ascending; none on a CPU.
    pub(super) fn padded_sizes(&self) -> Vec<usize> {
        match (self.execution_provider, &self.gpu.batch_sizes) {
            (ExecutionProvider::Cpu, _) => Vec::new(),
            (_, Some(sizes)) => sizes.clone(),
            (_, None) => {
                let powers = (0..usize::BITS).map(|exponent| 1 << exponent);
                let mut sizes: Vec<usize> = powers.take_while(|size| *size < self.max_batch_size).collect();
                sizes.push(self.max_batch_size);
                sizes
            }
        }
    }

    /// Checks [`RANGES`], and what no range says.
    pub fn validate(&self) -> Result<(), EncoderError> {
        let values = [
            self.sessions,
            self.threads,
            self.max_batch_size,
            self.max_batch_delay.as_millis() as usize,
            self.queue_capacity,
            self.gpu.device_id,
            self.gpu.memory_mebibytes.unwrap_or(LEAST_MEMORY),
        ];
        for ((name, least, most), value) in RANGES.into_iter().zip(values) {
            if !(least..=most).contains(&value) {
                return Err(EncoderError::Setting { name, value, least, most });
            }
        }
        self.vision.validate()?;
        self.text.validate()?;
        self.validate_gpu()
    }

    fn validate_gpu(&self) -> Result<(), EncoderError> {
        let wrong = |name, reason| Err(EncoderError::GpuSetting { name, reason });
        let mut least = 1;
        for &value in self.gpu.batch_sizes.iter().flatten() {
            let (name, most) = ("gpu.batch_sizes", self.max_batch_size);
            if !(least..=most).contains(&value) {
                return Err(EncoderError::Setting { name, value, least, most });
            }
            least = value + 1;
        }
        match self.execution_provider {
            ExecutionProvider::TensorRt => Ok(()),
            _ if self.gpu.half_precision => wrong(
                "half_precision",
                "is for tensorrt; for cuda, give encoder.directory a network exported in 16 bits",
            ),
            _ if self.gpu.engine_cache.is_some() => wrong("engine_cache", "is for tensorrt alone"),
            ExecutionProvider::Cpu | ExecutionProvider::Cuda => Ok(()),
        }
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
    fn the_cores_are_divided_among_the_sessions() {
        let threads = |sessions, threads, cores| {
            EncoderSettings { sessions, threads, ..EncoderSettings::default() }.threads_of_a_session(cores)
        };
        assert_eq!([threads(1, 0, 8), threads(3, 0, 8), threads(16, 0, 8)], [8, 2, 1]);
        assert_eq!(threads(3, 5, 8), 5);
    }

    #[test]
    fn batches_are_filled_up_on_a_gpu_only() {
        let sizes = |execution_provider, max_batch_size, batch_sizes| {
            let gpu = GpuSettings { batch_sizes, ..GpuSettings::default() };
            let settings =
                EncoderSettings { execution_provider, max_batch_size, gpu, ..EncoderSettings::default() };
            settings.validate().map(|()| settings.padded_sizes())
        };
        let (cpu, cuda) = (ExecutionProvider::Cpu, ExecutionProvider::Cuda);
        assert!(sizes(cpu, 8, None).unwrap().is_empty());
        assert_eq!(sizes(cuda, 24, None).unwrap(), [1, 2, 4, 8, 16, 24]);
        assert_eq!(sizes(cuda, 1, None).unwrap(), [1]);
        assert_eq!(sizes(cuda, 24, Some(vec![3, 24])).unwrap(), [3, 24]);
        assert!(sizes(cuda, 24, Some(vec![])).unwrap().is_empty());
        for wrong in [vec![0], vec![4, 4], vec![8, 4], vec![25]] {
            let message = sizes(cuda, 24, Some(wrong)).unwrap_err().to_string();
            assert!(message.contains("encoder.gpu.batch_sizes"), "{message}");
        }
    }

    #[test]
    fn what_only_tensorrt_has_is_refused_elsewhere() {
        let check = |execution_provider, gpu: &GpuSettings| {
            EncoderSettings { execution_provider, gpu: gpu.clone(), ..EncoderSettings::default() }.validate()
        };
        let half = GpuSettings { half_precision: true, ..GpuSettings::default() };
        let cache = GpuSettings { engine_cache: Some("engines".into()), ..GpuSettings::default() };
        for (gpu, name) in [(half, "half_precision"), (cache, "engine_cache")] {
            assert!(check(ExecutionProvider::TensorRt, &gpu).is_ok());
            for other in [ExecutionProvider::Cpu, ExecutionProvider::Cuda] {
                let message = check(other, &gpu).unwrap_err().to_string();
                assert!(message.contains(&format!("encoder.gpu.{name}")), "{message}");
            }
        }
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
