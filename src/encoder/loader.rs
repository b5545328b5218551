//! Opens the networks of an encoder, tests them and starts their threads.
//!
//! Guarantee: every session has passed the self test, and one on a GPU has given what
//! the CPU gives.

use super::batch_rules::BatchRules;
use super::batcher::{Batcher, Batching};
use super::graph::{ImageInput, OutputRules, TextInputs};
use super::model_directory::ModelDirectory;
use super::network_file::{NetworkFile, Wanted};
use super::network_settings::Layout;
use super::provider::{DeviceSession, Devices};
use super::self_test::{self, Golden};
use super::session::{self, Network};
use super::shapes::InputShapes;
use super::text::{self, TextNetwork};
use super::text_files::TextFiles;
use super::tokenize::TextTokenizer;
use super::vision::{self, VisionNetwork};
use super::weights::SharedWeights;
use super::{EncoderError, EncoderSettings, ExecutionProvider, Texts};
use crate::imaging::InputTensor;

pub(super) struct Loader<'a> {
    pub(super) devices: Devices<'a>,
    pub(super) settings: &'a EncoderSettings,
    pub(super) directory: &'a ModelDirectory,
}

/// A tower before its networks are tested.
struct Tower<I> {
    file: NetworkFile,
    /// Of a CPU's sessions, where they share them.
    weights: Option<SharedWeights>,
    /// The first session.
    on_cpu: DeviceSession,
    /// Least and largest shapes of its inputs.
    shapes: InputShapes,
    /// Inputs on which it has to work.
    known: [I; 2],
}

impl Loader<'_> {
    /// The image networks, and the dimension of their vectors.
    pub(super) fn images(&self) -> Result<(Batcher<InputTensor>, usize), EncoderError> {
        let preprocessing = &self.directory.preprocessing;
        let size = (preprocessing.width(), preprocessing.height());
        let own = &self.settings.vision;
        let rules = OutputRules {
            section: "encoder.vision",
            named: own.output.as_deref(),
            pooling: own.pooling,
            usual: vision::USUAL_OUTPUTS,
            classifier: self.directory.classifier,
        };
        let file = NetworkFile::choose(&self.directory.vision, &wanted(&rules, self.directory.joint))?;
        let (weights, on_cpu) = self.open_on_cpu(&file, self.settings.sessions)?;
        let input = ImageInput::find(&session::declared(on_cpu.inputs()), own.layout, size)
            .map_err(|reason| file.refused(&reason))?;
        let (width, height) = (size.0 as usize, size.1 as usize);
        let one = match input.layout {
            Layout::Nchw => [1, 3, height, width],
            Layout::Nhwc => [1, height, width, 3],
        };
        let most = [self.settings.max_batch_size, one[1], one[2], one[3]];
        let shapes = InputShapes::new(on_cpu.inputs(), &one, &most);
        let tower = Tower { file, weights, on_cpu, shapes, known: self_test::pictures(preprocessing) };
        self.networks(tower, self.settings.sessions, |session| {
            VisionNetwork::new(session, own.layout, size, &rules)
        })
    }

    /// The text network, whose vectors must have this dimension.
    pub(super) fn texts(&self, files: &TextFiles, dimension: usize) -> Result<Texts, EncoderError> {
        let own = &self.settings.text;
        let rules = OutputRules {
            section: "encoder.text",
            named: own.output.as_deref(),
            pooling: own.pooling,
            usual: text::USUAL_OUTPUTS,
            classifier: false,
        };
        let joint = self.directory.joint && files.model == self.directory.vision;
        let file = NetworkFile::choose(&files.model, &wanted(&rules, joint))?;
        let (weights, on_cpu) = self.open_on_cpu(&file, 1)?;
        let find = |session: &DeviceSession| {
            TextInputs::find(&session::declared(session.inputs()), &files.model_type)
        };
        let inputs = find(&on_cpu).map_err(|reason| file.refused(&reason))?;
        let tokenizer = TextTokenizer::new(files, own, inputs.length)?;
        let most = [self.settings.max_batch_size, tokenizer.context_length()];
        let shapes = InputShapes::new(on_cpu.inputs(), &[1, 1], &most);
        let known = self_test::texts(&tokenizer)?;
        let path = file.path.clone();
        let tower = Tower { file, weights, on_cpu, shapes, known };
        let (batcher, actual) = self.networks(tower, 1, |session| {
            let inputs = find(&session)?;
            TextNetwork::new(session, inputs, &tokenizer, files, &rules)
        })?;
        if actual != dimension {
            return Err(EncoderError::Model {
                path,
                reason: format!(
                    "its vectors have {actual} numbers, those of the image network {dimension}; export both with \
                     their projections, or name other outputs with encoder.vision.output and encoder.text.output"
                ),
            });
        }
        Ok(Texts { tokenizer, batcher })
    }

    /// The first session of a file that `count` sessions will run.
    fn open_on_cpu(
        &self,
        file: &NetworkFile,
        count: usize,
    ) -> Result<(Option<SharedWeights>, DeviceSession), EncoderError> {
        let weights = match self.settings.execution_provider {
            ExecutionProvider::Cpu => SharedWeights::for_sessions(file, count)?,
            ExecutionProvider::Cuda | ExecutionProvider::TensorRt => None,
        };
        let session = self.devices.open_on_cpu(file, weights.as_ref())?;
        Ok((weights, session))
    }

    /// Opens a tower's network in `count` sessions, tests each and starts their threads;
    /// answers the dimension of their vectors, too.
    fn networks<N: Network>(
        &self,
        tower: Tower<N::Input>,
        count: usize,
        wrap: impl Fn(DeviceSession) -> Result<N, String>,
    ) -> Result<(Batcher<N::Input>, usize), EncoderError> {
        let Tower { file, weights, on_cpu, shapes, known } = tower;
        let wrap = |session| wrap(session).map_err(|reason| file.refused(&reason));
        let most = self.settings.max_batch_size;
        let mut first = wrap(on_cpu)?;
        let reference = self_test::check(&mut first, &known, most)?;
        let networks = if self.settings.execution_provider == ExecutionProvider::Cpu {
            let mut networks = vec![first];
            while networks.len() < count {
                let mut network = wrap(self.devices.open_on_cpu(&file, weights.as_ref())?)?;
                self_test::check(&mut network, &known, most)?;
                networks.push(network);
            }
            networks
        } else {
            drop(first);
            let open = || self.devices.open_on_gpu(&file, N::TOWER, &shapes);
            let networks = (0..count).map(|_| self.on_gpu(wrap(open()?)?, &known, &reference));
            networks.collect::<Result<_, _>>()?
        };
        let [known, _] = known;
        Ok((self.start(networks, known)?, reference[0].dimension()))
    }

    /// Tests a network on a GPU against what the CPU gave.
    fn on_gpu<N: Network>(
        &self,
        mut network: N,
        known: &[N::Input; 2],
        reference: &Golden,
    ) -> Result<N, EncoderError> {
        let vectors = self_test::check(&mut network, known, self.settings.max_batch_size)?;
        self_test::compare(N::TOWER, reference, &vectors)?;
        self_test::warm_up(&mut network, &known[0], &self.settings.padded_sizes())?;
        Ok(network)
    }

    fn start<N: Network>(
        &self,
        networks: Vec<N>,
        known: N::Input,
    ) -> Result<Batcher<N::Input>, EncoderError> {
        let settings = self.settings;
        let rules = BatchRules { max_size: settings.max_batch_size, max_delay: settings.max_batch_delay };
        let batching = Batching {
            rules,
            padded_sizes: settings.padded_sizes(),
            queue_capacity: settings.queue_capacity,
        };
        Batcher::start(networks, known, batching)
    }
}

fn wanted<'a>(rules: &OutputRules<'a>, joint: bool) -> Wanted<'a> {
    Wanted { section: rules.section, named: rules.named, usual: rules.usual, joint }
}
