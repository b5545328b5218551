//! Texts to vectors.
//!
//! Guarantee: the vector of a text does not depend on the texts it shares a batch
//! with. Where a network cannot tell padding from tokens, every text is padded to the
//! same length, as in its training.

use super::graph::{self, OutputRules, Role, TextInputs};
use super::network_settings::{Layout, Pooling};
use super::pooling::{self, Given};
use super::provider::DeviceSession;
use super::session::{self, Network};
use super::text_files::TextFiles;
use super::tokenize::{TextTokenizer, Tokens};

/// Outputs that hold the vector of a text, the best first.
pub(super) const USUAL_OUTPUTS: &[&str] =
    &["text_embeds", "text_features", "sentence_embedding", "pooler_output"];

pub(super) struct TextNetwork {
    session: DeviceSession,
    inputs: TextInputs,
    /// Tokens of every text; without it, as many as the longest of a batch has.
    length: Option<usize>,
    pad_id: i64,
    /// Padding counts as tokens, as in SigLIP.
    reads_padding: bool,
    output: String,
    pooling: Option<Pooling>,
}

impl TextNetwork {
    /// Wraps a session whose inputs are `inputs`.
    pub(super) fn new(
        session: DeviceSession,
        inputs: TextInputs,
        tokenizer: &TextTokenizer,
        files: &TextFiles,
        rules: &OutputRules<'_>,
    ) -> Result<Self, String> {
        let reads_padding = files.reads_padding();
        let masked = inputs.has_mask() && !reads_padding;
        // With a mask, padding is not looked at, whatever its id.
        let pad_id = match tokenizer.pad_id() {
            Some(id) => id.into(),
            None if masked => 0,
            None => {
                return Err("it cannot tell padding from tokens, and none of tokenizer.json, \
                            tokenizer_config.json and config.json says which token is padding; add pad_token_id \
                            to config.json"
                    .to_owned());
            }
        };
        let full = (!masked).then_some(tokenizer.context_length());
        let output = graph::output(&session::declared(session.outputs()), rules)?;
        Ok(Self {
            length: inputs.length.or(full),
            session,
            inputs,
            pad_id,
            reads_padding,
            output,
            pooling: rules.pooling,
        })
    }
}

impl Network for TextNetwork {
    type Input = Tokens;
    const TOWER: &'static str = "text";

    fn largest_batch(&self) -> Option<usize> {
        self.inputs.batch
    }

    fn run(&mut self, inputs: &[&Tokens]) -> Result<Vec<Vec<f32>>, String> {
        let longest = inputs.iter().map(|tokens| tokens.ids.len()).max();
        let longest = longest.ok_or("an empty batch")?;
        let length = self.length.unwrap_or(longest);
        if longest > length {
            return Err(format!("a text of {longest} tokens, the network takes {length}"));
        }
        let batch = self.inputs.batch.unwrap_or(inputs.len());
        // A fixed batch is filled up with copies; what comes of them is dropped.
        let text = |row: usize| inputs[row.min(inputs.len() - 1)];
        let read = |tokens: &Tokens| if self.reads_padding { length } else { tokens.ids.len() };
        let value = |role: Role, row: usize, at: usize| match role {
            Role::Ids => text(row).ids.get(at).copied().unwrap_or(self.pad_id),
            Role::Mask => i64::from(at < read(text(row))),
            Role::Positions => at as i64,
            Role::Segments => 0,
        };
        let mut given = Vec::with_capacity(self.inputs.inputs.len());
        for (name, role, integer) in &self.inputs.inputs {
            let places = (0..batch).flat_map(|row| (0..length).map(move |at| (row, at)));
            let values: Vec<i64> = places.map(|(row, at)| value(*role, row, at)).collect();
            let tensor = session::integers(&self.session, *integer, [batch, length], &values)?;
            given.push((name.as_str(), tensor));
        }
        let lengths: Vec<usize> = inputs.iter().map(|tokens| read(tokens)).collect();
        let output = self.session.run(&given, &self.output)?;
        let (shape, values) = session::numbers(&output)?;
        let given = Given { shape, values: &values, layout: Layout::Nchw, lengths: Some(&lengths) };
        pooling::vectors(&given, inputs.len(), self.pooling)
    }
}
