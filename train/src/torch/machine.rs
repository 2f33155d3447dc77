//! The machine that a pickle is a program for, as far as state dicts need it.

use super::Broken;
use super::pickle::{Node, Value, node, sequence, text};
use super::tensor::{Kind, Storage, Tensor};
use std::collections::BTreeMap;

/// Bytes a text may have that is looked at: names have fewer.
const MAX_TEXT: usize = 1024;
/// Dimensions a tensor may have.
const MAX_DIMENSIONS: usize = 8;

fn broken(found: impl Into<String>) -> Broken {
    Broken("hold a pickled state dict".into(), found.into())
}

/// Where a program stands.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    /// The next byte.
    pub(super) at: usize,
    stack: Vec<Value>,
    /// Heights of the stack at which groups of values begin.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value>,
    pub(super) nodes: Vec<Node>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new(), nodes: Vec::new() }
    }

    /// Does one instruction; false at the end.
    pub(super) fn step(&mut self) -> Result<bool, Broken> {
        match self.take(1)?[0] {
            b'.' => return Ok(false),
            0x80 => drop(self.take(1)?),
            // A frame of protocol 4: how many bytes follow.
            0x95 => drop(self.take(8)?),
            b'(' => self.marks.push(self.stack.len()),
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Plain),
            b'G' => {
                self.take(8)?;
                self.stack.push(Value::Plain);
            }
            b'K' => {
                let value = self.number(1)?;
                self.stack.push(Value::Int(value as i64));
            }
            b'M' => {
                let value = self.number(2)?;
                self.stack.push(Value::Int(value as i64));
            }
            b'J' => {
                let value = self.number(4)?;
                self.stack.push(Value::Int(i64::from(value as u32 as i32)));
            }
            0x8a => self.long()?,
            b'X' => self.string(4)?,
            0x8c => self.string(1)?,
            b'U' => self.string(1)?,
            b'T' => self.string(4)?,
            b'C' => self.skip(1)?,
            b'B' => self.skip(4)?,
            b')' | b']' => self.push(Node::Sequence(Vec::new())),
            b'}' => self.push(Node::Dict(Vec::new())),
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' => {
                let values = self.group()?;
                self.push(Node::Sequence(values));
            }
            b'q' => self.memoize(1)?,
            b'r' => self.memoize(4)?,
            0x94 => {
                let top = self.top()?;
                self.memo.insert(self.memo.len() as u32, top);
            }
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'a' => {
                let value = self.pop()?;
                self.extend(vec![value])?;
            }
            b'e' => {
                let values = self.group()?;
                self.extend(values)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(&[key, value])?;
            }
            b'u' => {
                let values = self.group()?;
                self.set_items(&values)?;
            }
            b'c' => {
                let name = format!("{} {}", self.line()?, self.line()?);
                self.push(Node::Global(name));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (text(&self.nodes, module), text(&self.nodes, name)) else {
                    return Err(broken("a class without a name"));
                };
                let name = format!("{module} {name}");
                self.push(Node::Global(name));
            }
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            // A new object of a class, with arguments.
            0x81 => {
                self.pop()?;
                self.pop()?;
                self.push(Node::Other);
            }
            // Attributes of an object: an OrderedDict's carry versions, which nothing here needs.
            b'b' => drop(self.pop()?),
            other => {
                return Err(broken(format!("instruction {other:#04x} at byte {}, which none needs", self.at - 1)));
            }
        }
        Ok(true)
    }

    fn take(&mut self, n: usize) -> Result<&[u8], Broken> {
        let end = self.at.checked_add(n).filter(|&end| end <= self.bytes.len());
        let Some(end) = end else { return Err(broken(format!("its end after {} bytes", self.bytes.len()))) };
        let start = std::mem::replace(&mut self.at, end);
        Ok(&self.bytes[start..end])
    }

    /// Little-endian, of at most 8 bytes.
    fn number(&mut self, bytes: usize) -> Result<u64, Broken> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |value, &byte| (value << 8) | u64::from(byte)))
    }

    /// A signed number of any length; those that fit no `i64` are nothing a tensor is made of.
    fn long(&mut self) -> Result<(), Broken> {
        let length = self.number(1)? as usize;
        if length > 8 {
            self.take(length)?;
            self.stack.push(Value::Plain);
            return Ok(());
        }
        let value = self.number(length)?;
        let unused = 64 - 8 * length as u32;
        // Shifting up and down again carries the sign.
        self.stack.push(Value::Int(if length == 0 { 0 } else { (value << unused) as i64 >> unused }));
        Ok(())
    }

    fn string(&mut self, length_bytes: usize) -> Result<(), Broken> {
        let length = self.number(length_bytes)? as usize;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        // Texts are copied where they name something: a long one could be, very often.
        self.push(if length <= MAX_TEXT { Node::Text(text) } else { Node::Other });
        Ok(())
    }

    fn skip(&mut self, length_bytes: usize) -> Result<(), Broken> {
        let length = self.number(length_bytes)? as usize;
        self.take(length)?;
        self.stack.push(Value::Plain);
        Ok(())
    }

    fn line(&mut self) -> Result<String, Broken> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else { return Err(broken("a name cut off")) };
        self.at += length + 1;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    fn push(&mut self, node: Node) {
        self.stack.push(Value::Node(self.nodes.len()));
        self.nodes.push(node);
    }

    fn top(&self) -> Result<Value, Broken> {
        self.stack.last().copied().ok_or_else(|| broken("an instruction without its values"))
    }

    pub(super) fn pop(&mut self) -> Result<Value, Broken> {
        let value = self.top()?;
        self.stack.pop();
        Ok(value)
    }

    /// The values since the last mark.
    fn group(&mut self) -> Result<Vec<Value>, Broken> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        Ok(self.stack.split_off(mark.ok_or_else(|| broken("a group without its start"))?))
    }

    fn tuple(&mut self, n: usize) -> Result<(), Broken> {
        let Some(start) = self.stack.len().checked_sub(n) else { return Err(broken("a tuple without its values")) };
        let values = self.stack.split_off(start);
        self.push(Node::Sequence(values));
        Ok(())
    }

    fn memoize(&mut self, index_bytes: usize) -> Result<(), Broken> {
        let index = self.number(index_bytes)? as u32;
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index_bytes: usize) -> Result<(), Broken> {
        let index = self.number(index_bytes)? as u32;
        let value = self.memo.get(&index).ok_or_else(|| broken("a reference to nothing"))?;
        self.stack.push(*value);
        Ok(())
    }

    fn extend(&mut self, values: Vec<Value>) -> Result<(), Broken> {
        if let Value::Node(at) = self.top()?
            && let Node::Sequence(list) = &mut self.nodes[at]
        {
            list.extend(values);
        }
        Ok(())
    }

    fn set_items(&mut self, values: &[Value]) -> Result<(), Broken> {
        if let Value::Node(at) = self.top()?
            && let Node::Dict(dict) = &mut self.nodes[at]
        {
            dict.extend(values.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        Ok(())
    }

    /// What PyTorch puts aside: `('storage', class, key, device, numbers)`.
    fn storage(&mut self) -> Result<(), Broken> {
        let id = self.pop()?;
        let storage = match sequence(&self.nodes, id) {
            Some(&[what, class, key, _, Value::Int(len), ..]) if text(&self.nodes, what) == Some("storage") => {
                let Some(Node::Global(class)) = node(&self.nodes, class) else {
                    return Err(broken("a storage without a class"));
                };
                let Some(kind) = Kind::of(class) else { return Err(broken(format!("numbers of {class:?}"))) };
                let (Some(key), Ok(len)) = (text(&self.nodes, key), usize::try_from(len)) else {
                    return Err(broken("a storage without a key or a size"));
                };
                Storage { kind, key: key.into(), len }
            }
            _ => return Err(broken("a reference that is no storage")),
        };
        self.push(Node::Storage(storage));
        Ok(())
    }

    /// A function and its arguments: those that make dicts and tensors are understood, none is called.
    fn call(&mut self) -> Result<(), Broken> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let name = match node(&self.nodes, function) {
            Some(Node::Global(name)) => name.as_str(),
            _ => "",
        };
        let arguments = sequence(&self.nodes, arguments).unwrap_or_default();
        let made = match name {
            "collections OrderedDict" if arguments.is_empty() => Node::Dict(Vec::new()),
            "torch._utils _rebuild_tensor_v2" | "torch._utils _rebuild_tensor" => {
                let tensor = self.tensor(arguments);
                Node::Tensor(tensor.ok_or_else(|| broken("a tensor without storage, sizes and strides"))?)
            }
            // A tensor that is trained is wrapped once more.
            "torch._utils _rebuild_parameter" => {
                match arguments.first().and_then(|&tensor| node(&self.nodes, tensor)) {
                    Some(Node::Tensor(tensor)) => Node::Tensor(tensor.clone()),
                    _ => Node::Other,
                }
            }
            _ => Node::Other,
        };
        self.push(made);
        Ok(())
    }

    fn tensor(&self, arguments: &[Value]) -> Option<Tensor> {
        let &[storage, Value::Int(offset), shape, stride, ..] = arguments else { return None };
        let Some(Node::Storage(storage)) = node(&self.nodes, storage) else { return None };
        let sizes = |value: Value| -> Option<Vec<usize>> {
            let values = sequence(&self.nodes, value).filter(|values| values.len() <= MAX_DIMENSIONS)?;
            let size = |value: &Value| if let Value::Int(size) = value { usize::try_from(*size).ok() } else { None };
            values.iter().map(size).collect()
        };
        let (shape, stride) = (sizes(shape)?, sizes(stride)?);
        let offset = usize::try_from(offset).ok()?;
        (shape.len() == stride.len()).then(|| Tensor { storage: storage.clone(), offset, shape, stride })
    }
}
