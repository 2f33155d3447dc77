//! The part of Python's pickle format that state dicts are made of.
//!
//! A pickle is a program for a small machine that may call any function of Python. Here none is ever called: dicts,
//! lists, numbers, texts and tensors are understood, everything else becomes [`Node::Other`]. Values refer to nodes by
//! number, so that a file cannot nest until the stack overflows; and what a program makes is counted, so that it cannot
//! take more than [`GROWTH`] times its own size.

use super::Broken;
use super::interpreter::Interpreter;
use super::tensor::{Storage, Tensor};
use std::rc::Rc;

/// Bytes a pickle may have. ResNet-152's has a quarter of a megabyte; the numbers are not in it.
pub(super) const MAX_PICKLE: usize = 4 << 20;
/// Bytes of memory that a byte of a pickle may make, and what even the shortest may. Those that PyTorch writes make 13.
pub(super) const GROWTH: usize = 32;
pub(super) const AT_LEAST: usize = 1 << 16;

/// What a pickle holds.
#[derive(Debug)]
pub(super) struct Pickle {
    nodes: Vec<Node>,
    /// The outermost value.
    pub(super) root: Value,
}

/// A value, small enough to be copied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    Int(i64),
    /// None, booleans, floats: nothing a tensor is made of.
    Plain,
    Node(usize),
}

/// What a value refers to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Text(Rc<str>),
    Sequence(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    /// A class or function of Python by name, for example `torch FloatStorage`.
    Global(Rc<str>),
    Storage(Rc<Storage>),
    Tensor(Rc<Tensor>),
    /// Something that is not understood.
    Other,
}

impl Pickle {
    /// Reads the pickle at the start of `bytes`, and tells how many bytes it has.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), Broken> {
        let bytes = &bytes[..bytes.len().min(MAX_PICKLE)];
        let mut machine = Interpreter::new(bytes);
        while machine.step()? {}
        let root = machine.pop()?;
        Ok((Self { nodes: machine.nodes, root }, machine.at))
    }

    pub(super) fn node(&self, value: Value) -> Option<&Node> {
        node(&self.nodes, value)
    }

    pub(super) fn text(&self, value: Value) -> Option<&str> {
        text(&self.nodes, value)
    }

    /// Every storage, in the order in which they are first mentioned.
    pub(super) fn storages(&self) -> impl Iterator<Item = &Storage> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Storage(storage) => Some(&**storage),
            _ => None,
        })
    }
}

pub(super) fn node(nodes: &[Node], value: Value) -> Option<&Node> {
    match value {
        Value::Node(at) => nodes.get(at),
        _ => None,
    }
}

pub(super) fn text(nodes: &[Node], value: Value) -> Option<&str> {
    match node(nodes, value) {
        Some(Node::Text(text)) => Some(text),
        _ => None,
    }
}

pub(super) fn sequence(nodes: &[Node], value: Value) -> Option<&[Value]> {
    match node(nodes, value) {
        Some(Node::Sequence(values)) => Some(values),
        _ => None,
    }
}
