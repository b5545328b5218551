//! What the inputs and outputs of a network mean. Pure.
//!
//! Guarantee: nothing is guessed. What neither the network nor the configuration says
//! is an error that names it and says what to set.

use ort::value::TensorElementType as Element;

use super::network_settings::{Layout, Pooling};

/// An input or output as a network declares it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Value {
    pub(super) name: String,
    /// `None` for what is no tensor.
    pub(super) element: Option<Element>,
    /// −1 stands for any number. Empty where nothing is known.
    pub(super) shape: Vec<i64>,
}

impl std::fmt::Display for Value {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.element {
            Some(element) => write!(formatter, "{} ({element} {:?})", self.name, self.shape),
            None => write!(formatter, "{} (no tensor)", self.name),
        }
    }
}

pub(super) fn listed(values: &[Value]) -> String {
    let values: Vec<String> = values.iter().map(Value::to_string).collect();
    values.join(", ")
}

/// Numbers that an image network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Float {
    F32,
    F16,
}

/// Numbers that a text network takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Integer {
    I32,
    I64,
}

/// The one input of an image network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ImageInput {
    pub(super) name: String,
    pub(super) element: Float,
    pub(super) layout: Layout,
    /// Images that it takes at once, where that is fixed.
    pub(super) batch: Option<usize>,
}

impl ImageInput {
    /// The input for pictures of `width` × `height` pixels.
    pub(super) fn find(
        inputs: &[Value],
        layout: Option<Layout>,
        (width, height): (u32, u32),
    ) -> Result<Self, String> {
        let [input] = inputs else {
            return Err(format!(
                "an image network takes one input, this one takes {}; export the image half alone as \
                 vision_model.onnx",
                listed(inputs)
            ));
        };
        let element = match input.element {
            Some(Element::Float32) => Float::F32,
            Some(Element::Float16) => Float::F16,
            _ => {
                return Err(format!(
                    "input {input} takes other numbers than f32 or f16; export the network with such an input, \
                     so that preprocessor_config.json decides how bytes become numbers"
                ));
            }
        };
        let &[batch, first, second, last] = input.shape.as_slice() else {
            return Err(format!(
                "input {input} is neither [batch, 3, height, width] nor [batch, height, width, 3]"
            ));
        };
        let layout = match layout {
            Some(layout) => layout,
            None => guess(input, first, last)?,
        };
        let (channels, rows, columns) = match layout {
            Layout::Nchw => (first, second, last),
            Layout::Nhwc => (last, first, second),
        };
        let fits = |actual: i64, wanted: u32| actual < 0 || actual == i64::from(wanted);
        if !fits(channels, 3) || !fits(rows, height) || !fits(columns, width) {
            return Err(format!(
                "input {input} has another shape than the pictures, [3, {height}, {width}] (colours, height, \
                 width); correct preprocessor_config.json, or set encoder.vision.resize_crop_pad.size or \
                 encoder.vision.layout"
            ));
        }
        Ok(Self { name: input.name.clone(), element, layout, batch: fixed(batch) })
    }
}

/// The layout, from which axis has three values.
fn guess(input: &Value, first: i64, last: i64) -> Result<Layout, String> {
    let colours = |axis: i64| axis == 3;
    let any = |axis: i64| axis < 0;
    match (first, last) {
        _ if colours(first) != colours(last) => Ok(if colours(first) { Layout::Nchw } else { Layout::Nhwc }),
        _ if any(first) != any(last) => Ok(if any(first) { Layout::Nchw } else { Layout::Nhwc }),
        // Hugging Face's name for channels first.
        _ if (any(first) || colours(first)) && input.name == "pixel_values" => Ok(Layout::Nchw),
        _ if any(first) || colours(first) => Err(format!(
            "the shape of input {input} does not say where the colours stand; set encoder.vision.layout to nchw \
             or nhwc"
        )),
        _ => Err(format!("input {input} takes no pictures of three colours")),
    }
}

/// What an input of a text network holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The tokens.
    Ids,
    /// 1 for a token, 0 for padding.
    Mask,
    /// 0, 1, 2, …
    Positions,
    /// 0 throughout: there is one text.
    Segments,
}

/// The inputs of a text network.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TextInputs {
    pub(super) inputs: Vec<(String, Role, Integer)>,
    /// Tokens of every text, where that is fixed.
    pub(super) length: Option<usize>,
    /// Texts that it takes at once, where that is fixed.
    pub(super) batch: Option<usize>,
}

/// Networks (`model_type` of `config.json`) whose positions are 0, 1, 2, … from the
/// first token on. Others, such as RoBERTa's, begin elsewhere.
const COUNTED_FROM_ZERO: [&str; 6] =
    ["clip", "clip_text_model", "chinese_clip", "siglip", "siglip_text_model", "bert"];

impl TextInputs {
    pub(super) fn find(values: &[Value], model_type: &str) -> Result<Self, String> {
        let mut inputs = Vec::with_capacity(values.len());
        let mut shape = None;
        for value in values {
            let role = match value.name.as_str() {
                "input_ids" => Role::Ids,
                "attention_mask" => Role::Mask,
                "token_type_ids" => Role::Segments,
                "position_ids" if COUNTED_FROM_ZERO.contains(&model_type) => Role::Positions,
                "position_ids" => {
                    return Err(format!(
                        "it takes position_ids, and how a network of model_type {model_type:?} (config.json) counts \
                         them is not known; export it without this input"
                    ));
                }
                // Whatever its name, there is nothing else that it can be.
                _ if values.len() == 1 => Role::Ids,
                _ => {
                    return Err(format!(
                        "it takes {value}; known are input_ids, attention_mask, token_type_ids and position_ids; \
                         export the text half alone, with these inputs, as text_model.onnx"
                    ));
                }
            };
            let integer = match value.element {
                Some(Element::Int32) => Integer::I32,
                Some(Element::Int64) => Integer::I64,
                _ => return Err(format!("input {value} does not take i32 or i64 numbers")),
            };
            let &[batch, length] = value.shape.as_slice() else {
                return Err(format!("input {value} is not [batch, length]"));
            };
            let these = (fixed(batch), fixed(length));
            if *shape.get_or_insert(these) != these {
                return Err(format!("its inputs differ in shape: {}", listed(values)));
            }
            inputs.push((value.name.clone(), role, integer));
        }
        if !inputs.iter().any(|(_, role, _)| *role == Role::Ids) {
            return Err(format!("a text network takes input_ids, this one takes {}", listed(values)));
        }
        let (batch, length) = shape.unwrap_or_default();
        Ok(Self { inputs, length, batch })
    }

    /// Padding can be told from tokens.
    pub(super) fn has_mask(&self) -> bool {
        self.inputs.iter().any(|(_, role, _)| *role == Role::Mask)
    }
}

/// How the output is looked for.
pub(super) struct OutputRules<'a> {
    /// `encoder.vision` or `encoder.text`, for messages.
    pub(super) section: &'static str,
    /// The output that the configuration names.
    pub(super) named: Option<&'a str>,
    pub(super) pooling: Option<Pooling>,
    /// Names to look for otherwise, the best first.
    pub(super) usual: &'static [&'static str],
    /// `config.json` says that the network was made to tell classes.
    pub(super) classifier: bool,
}

/// The name of the output that holds the vectors.
pub(super) fn output(outputs: &[Value], rules: &OutputRules<'_>) -> Result<String, String> {
    let section = rules.section;
    let find = |name: &str| outputs.iter().find(|output| output.name == name);
    let chosen = match rules.named {
        Some(name) => find(name).ok_or_else(|| format!("no output {name} among {}", listed(outputs)))?,
        None => {
            let possible: Vec<&Value> =
                outputs.iter().filter(|output| form(output, rules.pooling).is_ok()).collect();
            let usual = rules
                .usual
                .iter()
                .find_map(|name| possible.iter().copied().find(|value| value.name == *name));
            match (usual, possible.as_slice()) {
                (Some(output), _) => output,
                (None, &[only]) if rules.classifier || only.name.starts_with("logits") => {
                    return Err(format!(
                        "its output {only} looks like the scores of classes, which are no feature; name the \
                         feature with {section}.output"
                    ));
                }
                (None, &[only]) => only,
                (None, _) => {
                    return Err(format!(
                        "which output is the vector of an input is not clear: it gives {}; name one with \
                         {section}.output, and set {section}.pooling if that holds a vector for each token or place",
                        listed(outputs)
                    ));
                }
            }
        }
    };
    form(chosen, rules.pooling).map_err(|reason| format!("{reason} ({section}.pooling)"))?;
    match chosen.element {
        Some(Element::Float32 | Element::Float16) => Ok(chosen.name.clone()),
        _ => Err(format!(
            "output {chosen} has other numbers than f32 or f16; export the network with one of these"
        )),
    }
}

/// Whether an output can be vectors under this pooling, as far as its shape is known.
fn form(output: &Value, pooling: Option<Pooling>) -> Result<(), String> {
    match (output.shape.as_slice(), pooling) {
        // Not known before it is run, which the self test does.
        ([], _) | ([_, _], None) | ([_, _, _], Some(_)) => Ok(()),
        ([_, places @ ..], None)
            if places.len() == 3 && places.iter().filter(|axis| **axis == 1).count() >= 2 =>
        {
            Ok(())
        }
        ([_, _, _, _], Some(Pooling::Mean | Pooling::Max)) => Ok(()),
        ([_, _, _, _], _) => {
            Err(format!("output {output} holds a vector for each place; set the pooling to mean or max"))
        }
        ([_, _, _], None) => Err(format!(
            "output {output} holds a vector for each token; set the pooling to cls, mean, max or last, as the \
             network was trained"
        )),
        ([_, _], Some(_)) => {
            Err(format!("output {output} is one vector an input already; leave the pooling unset"))
        }
        _ => Err(format!("output {output} holds no vectors")),
    }
}

fn fixed(axis: i64) -> Option<usize> {
    usize::try_from(axis).ok().filter(|axis| *axis > 0)
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
