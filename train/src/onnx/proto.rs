//! The messages of ONNX that an encoder needs, with the field numbers of `onnx.proto`.

use prost::Message;

/// Version of the format (ONNX 1.8 and later read it), and of the operators.
const IR_VERSION: i64 = 7;
const OPSET: i64 = 13;
/// `TensorProto.DataType`.
pub const FLOAT: i32 = 1;
pub const INT64: i32 = 7;
/// `AttributeProto.AttributeType`.
const INT: i32 = 2;
const INTS: i32 = 7;

#[derive(Clone, PartialEq, Message)]
pub struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer_name: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub metadata_props: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub output: Vec<ValueInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Node {
    #[prost(string, repeated, tag = "1")]
    pub input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub output: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub attribute: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(int64, optional, tag = "3")]
    pub i: Option<i64>,
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub raw_data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Type>,
    #[prost(string, tag = "3")]
    pub doc_string: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    #[prost(int32, tag = "1")]
    pub elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub dim: Vec<Dimension>,
}

/// A size, or the name of one that is known when the model runs.
#[derive(Clone, PartialEq, Message)]
pub struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub value: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
}

impl Model {
    pub fn new(graph: Graph, metadata: &[(&str, String)]) -> Self {
        let entry = |(key, value): &(&str, String)| Entry { key: (*key).into(), value: value.clone() };
        Self {
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(graph),
            opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
            metadata_props: metadata.iter().map(entry).collect(),
            ..Self::made_here()
        }
    }

    /// A model that says who made it, and no more.
    fn made_here() -> Self {
        Self { ir_version: IR_VERSION, producer_name: "nsa".into(), ..Self::default() }
    }

    /// The bytes that every model begins with: fields are written in the order of their numbers.
    pub fn beginning() -> Vec<u8> {
        Self::made_here().encode_to_vec()
    }
}

impl Attribute {
    pub fn int(name: &str, i: i64) -> Self {
        Self { name: name.into(), i: Some(i), ints: vec![], kind: INT }
    }

    pub fn ints(name: &str, ints: impl Into<Vec<i64>>) -> Self {
        Self { name: name.into(), i: None, ints: ints.into(), kind: INTS }
    }
}

impl ValueInfo {
    /// A tensor of floats.
    pub fn new(name: &str, dim: Vec<Dimension>, doc_string: &str) -> Self {
        let tensor = TensorType { elem_type: FLOAT, shape: Some(Shape { dim }) };
        Self { name: name.into(), kind: Some(Type { tensor: Some(tensor) }), doc_string: doc_string.into() }
    }
}

impl From<usize> for Dimension {
    fn from(size: usize) -> Self {
        Self { value: Some(size as i64), name: None }
    }
}

impl From<&str> for Dimension {
    fn from(name: &str) -> Self {
        Self { value: None, name: Some(name.into()) }
    }
}
