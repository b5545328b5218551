//! Sessions of ONNX Runtime on the device that was asked for.
//!
//! Guarantees:
//!
//! - A session runs where it was told to run, or fails: a provider that is missing is
//!   refused at once, one that leaves the computing to the CPU at the first run.
//! - Only the output that is asked for is copied back from a device.

use std::fs;
use std::path::PathBuf;

use ort::environment::Environment;
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{self, ArenaExtendStrategy, ExecutionProvider as _, ExecutionProviderDispatch};
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, Tensor};
use tempfile::TempDir;

use super::network_file::NetworkFile;
use super::shapes::InputShapes;
use super::weights::SharedWeights;
use super::{EncoderError, EncoderSettings, ExecutionProvider, placement};

/// Opens sessions of the networks of one encoder.
pub(super) struct Devices<'a> {
    pub(super) environment: &'a Environment,
    pub(super) settings: &'a EncoderSettings,
    pub(super) fingerprint: &'a str,
    /// Threads inside a session.
    pub(super) threads: usize,
}

impl Devices<'_> {
    /// Opens a network file on the CPU, wherever the settings say.
    pub(super) fn open_on_cpu(
        &self,
        file: &NetworkFile,
        weights: Option<&SharedWeights>,
    ) -> Result<DeviceSession, EncoderError> {
        let wrong = |error: ort::Error| file.wrong(error.to_string());
        let mut builder = self.builder().map_err(wrong)?;
        if let Some(weights) = weights {
            builder = weights.lend(builder).map_err(wrong)?;
        }
        let session = file.commit(builder).map_err(wrong)?;
        DeviceSession::new(session, None, None).map_err(wrong)
    }

    /// Opens a network file on the GPU that the settings say. `shapes` are those that the inputs
    /// will have; `tower` tells apart what is kept for the networks of an encoder.
    pub(super) fn open_on_gpu(
        &self,
        file: &NetworkFile,
        tower: &str,
        shapes: &InputShapes,
    ) -> Result<DeviceSession, EncoderError> {
        let provider = self.settings.execution_provider;
        let unusable = |reason: String| EncoderError::ExecutionProvider { provider: provider.name(), reason };
        let (name, available) = match provider {
            ExecutionProvider::Cpu => return self.open_on_cpu(file, None),
            ExecutionProvider::Cuda => (ep::CUDA::NAME, ep::CUDA::is_available()),
            ExecutionProvider::TensorRt => (ep::TensorRT::NAME, ep::TensorRT::is_available()),
        };
        if !available.map_err(|error| unusable(error.to_string()))? {
            return Err(unusable("this build of ONNX Runtime was made without it".to_owned()));
        }
        let mut providers = vec![self.cuda()];
        if provider == ExecutionProvider::TensorRt {
            // First in order; what it cannot run is left to CUDA.
            providers.insert(0, self.tensorrt(tower, shapes)?);
        }
        let evidence = Evidence::collect(name).map_err(|error| {
            unusable(format!("no temporary folder for the proof that it is used: {error}; set TMPDIR"))
        })?;
        let builder = self
            .builder()
            .and_then(|builder| {
                Ok(builder.with_profiling(evidence.file())?.with_execution_providers(providers)?)
            })
            .map_err(|error| unusable(error.to_string()))?;
        let session = file.commit(builder).map_err(|error| unusable(error.to_string()))?;
        let device = self.settings.gpu.device_id as i32;
        DeviceSession::new(session, Some(evidence), Some(device)).map_err(|error| unusable(error.to_string()))
    }

    fn builder(&self) -> ort::Result<SessionBuilder> {
        let builder = Session::builder(self.environment)?
            .with_optimization_level(GraphOptimizationLevel::Level3)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            // Idle threads that spin take the cores of the other sessions.
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?;
        Ok(builder)
    }

    fn cuda(&self) -> ExecutionProviderDispatch {
        let gpu = &self.settings.gpu;
        // The exhaustive search is worth it when the same shapes come again and again.
        let search = match self.settings.padded_sizes().as_slice() {
            [] => ConvAlgorithmSearch::Heuristic,
            _ => ConvAlgorithmSearch::Exhaustive,
        };
        let mut cuda = ep::CUDA::default()
            .with_device_id(gpu.device_id as i32)
            // TF32 would round to 10 bits: vectors of CPU and GPU would differ.
            .with_tf32(false)
            .with_conv_algorithm_search(search)
            // Doubling would take memory that nothing needs.
            .with_arena_extend_strategy(ArenaExtendStrategy::SameAsRequested);
        if let Some(bytes) = self.memory_limit() {
            cuda = cuda.with_memory_limit(bytes);
        }
        cuda.build().error_on_failure()
    }

    fn tensorrt(&self, tower: &str, shapes: &InputShapes) -> Result<ExecutionProviderDispatch, EncoderError> {
        let gpu = &self.settings.gpu;
        let mut tensorrt = ep::TensorRT::default()
            .with_device_id(gpu.device_id as i32)
            .with_fp16(gpu.half_precision)
            // Kept in 32 bits, layer normalisation does not overflow in 16.
            .with_layer_norm_fp32_fallback(gpu.half_precision);
        if let Some(bytes) = self.memory_limit() {
            tensorrt = tensorrt.with_max_workspace_size(bytes);
        }
        if let Some(shapes) = shapes.tensorrt_profile() {
            // Within these no engine is built anew while images wait.
            tensorrt = tensorrt
                .with_profile_min_shapes(shapes.least)
                .with_profile_opt_shapes(&shapes.most)
                .with_profile_max_shapes(&shapes.most);
        }
        if let Some(folder) = self.engine_folder() {
            fs::create_dir_all(&folder)
                .map_err(|source| EncoderError::File { path: folder.clone(), source })?;
            tensorrt = tensorrt
                .with_engine_cache(true)
                .with_engine_cache_path(folder.display())
                .with_engine_cache_prefix(tower)
                .with_timing_cache(true)
                .with_timing_cache_path(folder.display());
        }
        Ok(tensorrt.build().error_on_failure())
    }

    /// Engines are built for a network and a precision.
    fn engine_folder(&self) -> Option<PathBuf> {
        let gpu = &self.settings.gpu;
        let precision = if gpu.half_precision { "16bit" } else { "32bit" };
        Some(gpu.engine_cache.as_ref()?.join(format!("{}-{precision}", self.fingerprint)))
    }

    fn memory_limit(&self) -> Option<usize> {
        self.settings.gpu.memory_mebibytes.map(|mebibytes| mebibytes << 20)
    }
}

/// A profile in the making, which tells where nodes run.
struct Evidence {
    provider: &'static str,
    folder: TempDir,
}

impl Evidence {
    fn collect(provider: &'static str) -> std::io::Result<Self> {
        Ok(Self { provider, folder: tempfile::Builder::new().prefix("lookalike-profile").tempdir()? })
    }

    /// ONNX Runtime appends the time to it.
    fn file(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// Ends the profile of a session that has run.
    fn judge(&self, session: &mut Session) -> Result<(), String> {
        let file = session.end_profiling().map_err(|error| error.to_string())?;
        let profile = fs::read(&file).map_err(|error| format!("its profile {file}: {error}"))?;
        placement::check(&profile, self.provider)
    }
}

/// A session, used by one thread at a time.
pub(super) struct DeviceSession {
    /// Where inputs are written for the device to fetch. Dropped before its session.
    allocator: Allocator,
    session: Session,
    /// Until the first run.
    evidence: Option<Evidence>,
}

impl DeviceSession {
    fn new(session: Session, evidence: Option<Evidence>, gpu: Option<i32>) -> ort::Result<Self> {
        let pinned = gpu.map(|device| {
            let (kind, memory) = (AllocatorType::Device, MemoryType::CPUInput);
            Allocator::new(&session, MemoryInfo::new(AllocationDevice::CUDA_PINNED, device, kind, memory)?)
        });
        let allocator = match pinned {
            Some(Ok(pinned)) => pinned,
            Some(Err(error)) => {
                // Only speed is lost.
                tracing::warn!(%error, "no pinned memory, inputs are copied to the GPU through pageable memory");
                Allocator::default()
            }
            None => Allocator::default(),
        };
        Ok(Self { allocator, session, evidence })
    }

    pub(super) fn inputs(&self) -> &[Outlet] {
        self.session.inputs()
    }

    pub(super) fn outputs(&self) -> &[Outlet] {
        self.session.outputs()
    }

    /// An input tensor of this shape, in memory from which the device copies fast;
    /// `fill` writes all its values, row by row.
    pub(super) fn tensor<T: PrimitiveTensorElementType + std::fmt::Debug>(
        &self,
        shape: &[usize],
        fill: impl FnOnce(&mut [T]),
    ) -> Result<DynValue, String> {
        let shape: Vec<i64> = shape.iter().map(|size| *size as i64).collect();
        let mut tensor = Tensor::<T>::new(&self.allocator, shape).map_err(|error| error.to_string())?;
        fill(tensor.extract_tensor_mut().1);
        Ok(tensor.into_dyn())
    }

    /// Runs the network and gives one of its outputs, in the CPU's memory.
    pub(super) fn run(&mut self, inputs: &[(&str, DynValue)], output: &str) -> Result<DynValue, String> {
        let value = self.run_bound(inputs, output).map_err(|error| error.to_string())?;
        let value = value.ok_or_else(|| format!("it gave no output {output}"))?;
        if let Some(evidence) = self.evidence.take() {
            evidence.judge(&mut self.session)?;
        }
        Ok(value)
    }

    fn run_bound(&mut self, inputs: &[(&str, DynValue)], output: &str) -> ort::Result<Option<DynValue>> {
        let mut binding = self.session.create_binding()?;
        for (name, value) in inputs {
            binding.bind_input(*name, value)?;
        }
        let cpu = MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::CPUOutput)?;
        binding.bind_output_to_device(output, &cpu)?;
        let mut outputs = self.session.run_binding(&binding)?;
        Ok(outputs.remove(output))
    }
}
