//! Networks in ONNX Runtime sessions. What a network takes and gives is read
//! from the network itself; a surprise is an error at load.
//!
//! One session belongs to one thread: running it needs `&mut`.

use ort::value::{Outlet, TensorElementType, ValueType};

use super::provider::DeviceSession;
use super::tokenize::Tokens;
use crate::imaging::InputTensor;

/// A network that turns a batch of inputs into one vector each.
pub(super) trait Network: Send + 'static {
    type Input: Send + Sync + 'static;
    /// Its name in errors and logs.
    const TOWER: &'static str;

    /// Most inputs it takes at once, where the network itself sets a limit.
    fn largest_batch(&self) -> Option<usize>;

    /// One vector for each input, in the same order, not yet of unit length.
    fn run(&mut self, inputs: &[&Self::Input]) -> Result<Vec<Vec<f32>>, String>;
}

/// Pictures to vectors.
pub(super) struct VisionNetwork {
    session: DeviceSession,
    input: String,
    output: String,
    largest_batch: Option<usize>,
}

impl VisionNetwork {
    /// Wraps a session that takes pictures of `width` × `height` pixels.
    pub(super) fn new(session: DeviceSession, width: u32, height: u32) -> Result<Self, String> {
        let [input] = session.inputs() else {
            return Err(format!(
                "a vision network takes one input, this one takes {}; export the image half \
                 alone as vision_model.onnx",
                names(session.inputs())
            ));
        };
        let shape = tensor_shape(input, TensorElementType::Float32)?;
        let &[batch, channels, rows, columns] = shape else {
            return Err(format!("input {} has shape {shape:?}, not [batch, 3, height, width]", input.name()));
        };
        let fits = |actual: i64, wanted: u32| actual < 0 || actual == i64::from(wanted);
        if !fits(channels, 3) || !fits(rows, height) || !fits(columns, width) {
            return Err(format!(
                "input {} has shape {shape:?}, but preprocessor_config.json makes pictures of \
                 [3, {height}, {width}]",
                input.name()
            ));
        }
        let largest_batch = largest_batch(input, batch)?;
        let output = output(session.outputs(), &["image_embeds", "pooler_output"])?;
        Ok(Self { input: input.name().to_owned(), output, largest_batch, session })
    }
}

impl Network for VisionNetwork {
    type Input = InputTensor;
    const TOWER: &'static str = "image";

    fn largest_batch(&self) -> Option<usize> {
        self.largest_batch
    }

    fn run(&mut self, inputs: &[&InputTensor]) -> Result<Vec<Vec<f32>>, String> {
        let first = inputs.first().ok_or("an empty batch")?;
        let (width, height) = (first.width() as usize, first.height() as usize);
        let shape = [inputs.len(), 3, height, width];
        let tensor = self.session.tensor::<f32>(&shape, |values| {
            for (to, input) in values.chunks_exact_mut(first.values().len()).zip(inputs) {
                to.copy_from_slice(input.values());
            }
        })?;
        let output = self.session.run(&[(&self.input, tensor)], &self.output)?;
        vectors(&output, inputs.len())
    }
}

/// Texts to vectors.
pub(super) struct TextNetwork {
    session: DeviceSession,
    has_mask: bool,
    /// Number of tokens a text must have, where the network fixes it.
    length: Option<usize>,
    pad_id: i64,
    output: String,
    largest_batch: Option<usize>,
}

impl TextNetwork {
    pub(super) fn new(session: DeviceSession, pad_id: Option<u32>) -> Result<Self, String> {
        let find = |name: &str| session.inputs().iter().find(|input| input.name() == name);
        let (ids, mask) = (find("input_ids"), find("attention_mask"));
        let known = 1 + usize::from(mask.is_some());
        let Some(ids) = ids.filter(|_| session.inputs().len() == known) else {
            return Err(format!(
                "a text network takes input_ids and perhaps attention_mask, this one takes {}",
                names(session.inputs())
            ));
        };
        let shape = tensor_shape(ids, TensorElementType::Int64)?;
        let &[batch, length] = shape else {
            return Err(format!("input_ids has shape {shape:?}, not [batch, length]"));
        };
        if let Some(mask) = mask {
            tensor_shape(mask, TensorElementType::Int64)?;
        }
        // With a mask, padding is not looked at, whatever its id.
        let pad_id = match (pad_id, mask) {
            (Some(id), _) => id.into(),
            (None, Some(_)) => 0,
            (None, None) => {
                return Err("it takes no attention_mask, and neither tokenizer.json nor config.json \
                     says which token is padding"
                    .to_owned());
            }
        };
        let largest_batch = largest_batch(ids, batch)?;
        let output = output(session.outputs(), &["text_embeds", "pooler_output"])?;
        Ok(Self {
            has_mask: mask.is_some(),
            length: usize::try_from(length).ok(),
            pad_id,
            output,
            largest_batch,
            session,
        })
    }
}

impl Network for TextNetwork {
    type Input = Tokens;
    const TOWER: &'static str = "text";

    fn largest_batch(&self) -> Option<usize> {
        self.largest_batch
    }

    fn run(&mut self, inputs: &[&Tokens]) -> Result<Vec<Vec<f32>>, String> {
        let longest = inputs.iter().map(|tokens| tokens.ids.len()).max();
        let longest = longest.ok_or("an empty batch")?;
        let length = self.length.unwrap_or(longest);
        if longest > length {
            return Err(format!("a text of {longest} tokens, the network takes {length}"));
        }
        let rectangle = |row: fn(&Tokens) -> &[i64], fill: i64| {
            self.session.tensor::<i64>(&[inputs.len(), length], |values| {
                values.fill(fill);
                for (to, tokens) in values.chunks_exact_mut(length).zip(inputs) {
                    let from = row(tokens);
                    to[..from.len()].copy_from_slice(from);
                }
            })
        };
        let mut feeds = vec![("input_ids", rectangle(|tokens| &tokens.ids, self.pad_id)?)];
        if self.has_mask {
            feeds.push(("attention_mask", rectangle(|tokens| &tokens.mask, 0)?));
        }
        let output = self.session.run(&feeds, &self.output)?;
        vectors(&output, inputs.len())
    }
}

/// The shape of an input of this element type; −1 stands for any number.
fn tensor_shape(input: &Outlet, element: TensorElementType) -> Result<&[i64], String> {
    match input.dtype() {
        ValueType::Tensor { ty, shape, .. } if *ty == element => Ok(shape),
        other => Err(format!("input {} is {other}, a tensor of {element} is supported", input.name())),
    }
}

/// A network either takes any number of inputs or exactly one.
fn largest_batch(input: &Outlet, batch: i64) -> Result<Option<usize>, String> {
    match batch {
        unknown if unknown < 0 => Ok(None),
        1 => Ok(Some(1)),
        fixed => Err(format!(
            "input {} takes exactly {fixed} at once; export it with a batch of any size or of 1",
            input.name()
        )),
    }
}

/// The output that holds one vector for each input: by its usual names, or the
/// only one with two dimensions.
fn output(outputs: &[Outlet], usual: &[&str]) -> Result<String, String> {
    let is_matrix = |output: &&Outlet| match output.dtype() {
        ValueType::Tensor { ty, shape, .. } => *ty == TensorElementType::Float32 && shape.len() == 2,
        _ => false,
    };
    let matrices: Vec<&Outlet> = outputs.iter().filter(is_matrix).collect();
    let named = usual.iter().find_map(|name| matrices.iter().find(|output| output.name() == *name));
    match (named, matrices.as_slice()) {
        (Some(output), _) => Ok(output.name().to_owned()),
        (None, [only]) => Ok(only.name().to_owned()),
        (None, _) => Err(format!(
            "no output gives one f32 vector an input: expected {} or a single output of shape \
             [batch, dimension] among {}",
            usual.join(" or "),
            names(outputs)
        )),
    }
}

fn names(outlets: &[Outlet]) -> String {
    let names: Vec<&str> = outlets.iter().map(Outlet::name).collect();
    names.join(", ")
}

/// The rows of an output of shape [`count`, dimension].
fn vectors(output: &ort::value::DynValue, count: usize) -> Result<Vec<Vec<f32>>, String> {
    let (shape, values) = output.try_extract_tensor::<f32>().map_err(|error| error.to_string())?;
    match **shape {
        [rows, dimension] if rows == count as i64 && dimension > 0 => {
            Ok(values.chunks_exact(dimension as usize).map(<[f32]>::to_vec).collect())
        }
        _ => Err(format!("an output of shape {shape:?} for {count} inputs")),
    }
}
