//! An ONNX file without ONNX Runtime: what it takes and gives, which files hold its
//! weights, and the part of it that one value needs.
//!
//! Guarantee: weights are copied at most, never decoded, and what is not known is
//! copied as it is.
//!
//! The numbers of fields are those of `onnx.proto`, which never change.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use prost::Message;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};

/// `ModelProto.graph`
const GRAPH: u32 = 7;
// Fields of `GraphProto`.
const NODE: u32 = 1;
const INITIALIZER: u32 = 5;
const INPUT: u32 = 11;
const OUTPUT: u32 = 12;
const VALUE_INFO: u32 = 13;
// Fields of `TensorProto`.
const TENSOR_NAME: u32 = 8;
const EXTERNAL_DATA: u32 = 13;
/// Bytes of the longest key and length.
const LONGEST_HEAD: u64 = 20;

/// `ValueInfoProto`, and whatever else has its name first.
#[derive(Clone, PartialEq, Message)]
struct Named {
    #[prost(string, tag = "1")]
    name: String,
}

/// `StringStringEntryProto`
#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// `NodeProto`
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    outputs: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

/// `AttributeProto`, with the graphs inside it alone.
#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(message, optional, tag = "6")]
    graph: Option<Subgraph>,
    #[prost(message, repeated, tag = "11")]
    graphs: Vec<Subgraph>,
}

/// `GraphProto` of a branch or a loop.
#[derive(Clone, PartialEq, Message)]
struct Subgraph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
    #[prost(message, repeated, tag = "12")]
    outputs: Vec<Named>,
}

/// One field of a message, as places in the file.
struct Field {
    tag: u32,
    /// With its key and length.
    whole: Range<u64>,
    body: Range<u64>,
}

/// A file whose outline was read. Errors of the kind `InvalidData` mean that it is no
/// ONNX network.
pub(super) struct OnnxFile {
    file: File,
    model: Vec<Field>,
    graph: Vec<Field>,
}

impl OnnxFile {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let model = fields(&file, 0..length)?;
        let graphs: Vec<_> = model.iter().filter(|field| field.tag == GRAPH).collect();
        let [graph] = graphs.as_slice() else {
            return Err(malformed("it holds no graph, or several"));
        };
        let graph = fields(&file, graph.body.clone())?;
        Ok(Self { file, model, graph })
    }

    pub(super) fn inputs(&self) -> io::Result<Vec<String>> {
        self.names(INPUT)
    }

    pub(super) fn outputs(&self) -> io::Result<Vec<String>> {
        self.names(OUTPUT)
    }

    /// What its nodes compute, in order, outputs included.
    pub(super) fn values(&self) -> io::Result<Vec<String>> {
        let nodes = self.nodes()?;
        let outputs = nodes.into_iter().flat_map(|node| node.outputs);
        Ok(outputs.filter(|name| !name.is_empty()).collect())
    }

    /// The files of weights that it names, relative to its own folder.
    pub(super) fn weight_files(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        for tensor in self.of(INITIALIZER) {
            for field in fields(&self.file, tensor.body.clone())? {
                if field.tag == EXTERNAL_DATA {
                    let entry = Entry::decode(self.bytes(&field.body)?.as_slice())?;
                    if entry.key == "location" && !files.contains(&entry.value) {
                        files.push(entry.value);
                    }
                }
            }
        }
        Ok(files)
    }

    /// The same network without what `output` does not need, and with `output`, one of
    /// its [`values`](Self::values), as its only output.
    pub(super) fn part(&self, output: &str) -> io::Result<Vec<u8>> {
        let nodes = self.nodes()?;
        let (needed, kept) = needed(&nodes, output);
        let mut kept = kept.into_iter();
        let mut part = Vec::new();
        let mut declared = None;
        for field in &self.graph {
            let keep = match field.tag {
                NODE => kept.next() == Some(true),
                INITIALIZER => needed.contains(self.tensor_name(field)?.as_str()),
                INPUT => needed.contains(self.name(field)?.as_str()),
                OUTPUT | VALUE_INFO => {
                    let name = self.name(field)?;
                    if name == output {
                        declared = Some(self.bytes(&field.body)?);
                    }
                    field.tag == VALUE_INFO && name != output && needed.contains(name.as_str())
                }
                _ => true,
            };
            if keep {
                part.extend(self.bytes(&field.whole)?);
            }
        }
        // Where nothing says its type, ONNX Runtime infers it.
        let declared = declared.unwrap_or_else(|| Named { name: output.to_owned() }.encode_to_vec());
        append(&mut part, OUTPUT, &declared);

        let mut model = Vec::with_capacity(part.len() + LONGEST_HEAD as usize);
        for field in &self.model {
            match field.tag {
                GRAPH => append(&mut model, GRAPH, &part),
                _ => model.extend(self.bytes(&field.whole)?),
            }
        }
        Ok(model)
    }

    fn nodes(&self) -> io::Result<Vec<Node>> {
        self.of(NODE).map(|field| Ok(Node::decode(self.bytes(&field.body)?.as_slice())?)).collect()
    }

    fn names(&self, tag: u32) -> io::Result<Vec<String>> {
        self.of(tag).map(|field| self.name(field)).collect()
    }

    fn name(&self, field: &Field) -> io::Result<String> {
        Ok(Named::decode(self.bytes(&field.body)?.as_slice())?.name)
    }

    fn tensor_name(&self, tensor: &Field) -> io::Result<String> {
        let parts = fields(&self.file, tensor.body.clone())?;
        let name = parts.iter().find(|field| field.tag == TENSOR_NAME);
        let name = name.ok_or_else(|| malformed("a tensor has no name"))?;
        String::from_utf8(self.bytes(&name.body)?).map_err(|_| malformed("a name is not UTF-8"))
    }

    fn of(&self, tag: u32) -> impl Iterator<Item = &Field> {
        self.graph.iter().filter(move |field| field.tag == tag)
    }

    /// `fields` has checked that the range lies inside the file.
    fn bytes(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.file.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }
}

/// The names that `output` needs, and which of the nodes. Nodes stand in the order in
/// which they are computed.
fn needed<'a>(nodes: &'a [Node], output: &'a str) -> (HashSet<&'a str>, Vec<bool>) {
    let mut needed = HashSet::from([output]);
    let mut kept = vec![false; nodes.len()];
    for (node, kept) in nodes.iter().zip(&mut kept).rev() {
        if node.outputs.iter().any(|name| needed.contains(name.as_str())) {
            *kept = true;
            reads(node, &mut needed);
        }
    }
    (needed, kept)
}

/// Adds the names that a node reads, those that its branches take from outside too.
fn reads<'a>(node: &'a Node, names: &mut HashSet<&'a str>) {
    names.extend(node.inputs.iter().map(String::as_str).filter(|name| !name.is_empty()));
    for graph in node.attributes.iter().flat_map(|attribute| attribute.graph.iter().chain(&attribute.graphs))
    {
        names.extend(graph.outputs.iter().map(|output| output.name.as_str()));
        for node in &graph.nodes {
            reads(node, names);
        }
    }
}

/// The fields of the message in this range of the file.
fn fields(file: &File, within: Range<u64>) -> io::Result<Vec<Field>> {
    let mut found = Vec::new();
    let mut at = within.start;
    while at < within.end {
        let mut head = [0; LONGEST_HEAD as usize];
        let head = &mut head[..(within.end - at).min(LONGEST_HEAD) as usize];
        file.read_exact_at(head, at)?;
        let mut rest = &*head;
        let (tag, wire_type) = decode_key(&mut rest)?;
        let length = match wire_type {
            WireType::LengthDelimited => decode_varint(&mut rest)?,
            WireType::Varint => decode_varint(&mut rest).map(|_| 0)?,
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::StartGroup | WireType::EndGroup => return Err(malformed("it has groups")),
        };
        let start = at + (head.len() - rest.len()) as u64;
        let end = start.checked_add(length).filter(|end| *end <= within.end);
        let end = end.ok_or_else(|| malformed("it is cut off"))?;
        found.push(Field { tag, whole: at..end, body: start..end });
        at = end;
    }
    Ok(found)
}

fn append(message: &mut Vec<u8>, tag: u32, body: &[u8]) {
    encode_key(tag, WireType::LengthDelimited, message);
    encode_varint(body.len() as u64, message);
    message.extend_from_slice(body);
}

fn malformed(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

#[cfg(test)]
#[path = "onnx_file_tests.rs"]
mod tests;
