//! What runs the program that a pickle is, as far as state dicts need it: every instruction up to protocol 5 is
//! known, so that what lies beside the weights is no obstacle.

use super::Broken;
use super::pickle::{AT_LEAST, GROWTH, Node, Value, node, sequence, text};
use super::tensor::{Kind, Storage, Tensor};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Bytes a text may have that is looked at: names have fewer.
const MAX_TEXT: usize = 1024;
/// Dimensions a tensor may have.
const MAX_DIMENSIONS: usize = 8;
/// What a value on the stack, in a list or in a dict takes, and one that is remembered.
const VALUE: usize = size_of::<Value>();
const REMEMBERED: usize = 2 * VALUE;

fn broken(found: impl Into<String>) -> Broken {
    Broken("hold a pickled state dict".into(), found.into())
}

/// Where a program stands.
pub(super) struct Interpreter<'a> {
    bytes: &'a [u8],
    /// The next byte.
    pub(super) at: usize,
    stack: Vec<Value>,
    /// Heights of the stack at which groups of values begin.
    marks: Vec<usize>,
    memo: BTreeMap<u32, Value>,
    pub(super) nodes: Vec<Node>,
    /// Bytes of memory that may still be taken. What is given back is not counted: it is also a limit of time.
    left: usize,
}

impl<'a> Interpreter<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let left = AT_LEAST + GROWTH * bytes.len();
        Self { bytes, at: 0, stack: Vec::new(), marks: Vec::new(), memo: BTreeMap::new(), nodes: Vec::new(), left }
    }

    /// Does one instruction; false at the end.
    pub(super) fn step(&mut self) -> Result<bool, Broken> {
        let instruction = self.take(1)?[0];
        match instruction {
            b'.' => return Ok(false),
            0x80 => drop(self.take(1)?),
            // A frame of protocol 4: how many bytes follow.
            0x95 => drop(self.take(8)?),
            // That the last value may not be changed.
            0x98 => (),
            b'(' => {
                self.charge(VALUE)?;
                self.marks.push(self.stack.len());
            }
            b'N' | 0x88 | 0x89 => self.plain()?,
            // Values that lie outside the pickle.
            0x97 => self.plain()?,
            b'G' => self.skipped(8)?,
            b'F' | b'P' => {
                self.line()?;
                self.plain()?;
            }
            b'I' | b'L' => {
                let line = self.line()?;
                self.value(line.trim_end_matches('L').parse().map_or(Value::Plain, Value::Int))?;
            }
            b'K' => self.int(1)?,
            b'M' => self.int(2)?,
            b'J' => {
                let value = self.number(4)?;
                self.value(Value::Int(i64::from(value as u32 as i32)))?;
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'X' | b'T' => self.string(4)?,
            0x8c | b'U' => self.string(1)?,
            0x8d => self.string(8)?,
            b'V' | b'S' => {
                let line = self.line()?;
                self.text(line.trim_matches(['\'', '"']))?;
            }
            b'C' => self.skip(1)?,
            b'B' => self.skip(4)?,
            0x8e | 0x96 => self.skip(8)?,
            // By numbers that an installation of Python gave to classes.
            0x82 => self.skipped(1)?,
            0x83 => self.skipped(2)?,
            0x84 => self.skipped(4)?,
            b')' | b']' => self.push(Node::Sequence(Vec::new()), 0)?,
            b'}' => self.push(Node::Dict(Vec::new()), 0)?,
            0x8f => self.push(Node::Other, 0)?,
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b't' | b'l' => {
                let values = self.group()?;
                self.list(values)?;
            }
            b'd' => {
                let values = self.group()?;
                self.push(Node::Dict(Vec::new()), 0)?;
                self.set_items(&values)?;
            }
            // A frozen set, an object of a class by its name or not: what they hold is not looked at.
            0x91 | b'o' => {
                self.group()?;
                self.push(Node::Other, 0)?;
            }
            b'i' => {
                // Its module and its name.
                self.line()?;
                self.line()?;
                self.group()?;
                self.push(Node::Other, 0)?;
            }
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.pop()?),
            // A group that is not needed; and what is added to a set.
            b'1' | 0x90 => drop(self.group()?),
            b'2' => {
                let top = self.top()?;
                self.value(top)?;
            }
            b'q' => self.memoize(1)?,
            b'r' => self.memoize(4)?,
            b'p' => {
                let index = self.index()?;
                self.remember(index)?;
            }
            0x94 => self.remember(self.memo.len() as u32)?,
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'g' => {
                let index = self.index()?;
                self.known(index)?;
            }
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
                self.push(Node::Global(name.as_str().into()), name.len())?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (text(&self.nodes, module), text(&self.nodes, name)) else {
                    return Err(broken("a class without a name"));
                };
                let name = format!("{module} {name}");
                self.push(Node::Global(name.as_str().into()), name.len())?;
            }
            b'Q' => self.storage()?,
            b'R' => self.call()?,
            // A new object of a class, with arguments; and with named ones.
            0x81 => self.object(2)?,
            0x92 => self.object(3)?,
            // Attributes of an object: an OrderedDict's carry versions, which nothing here needs.
            b'b' => drop(self.pop()?),
            other => {
                return Err(broken(format!(
                    "instruction {other:#04x} at byte {}, which Python does not have",
                    self.at - 1
                )));
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

    fn int(&mut self, bytes: usize) -> Result<(), Broken> {
        let value = self.number(bytes)?;
        self.value(Value::Int(value as i64))
    }

    /// A signed number of any length; those that fit no `i64` are nothing a tensor is made of.
    fn long(&mut self, length_bytes: usize) -> Result<(), Broken> {
        let length = self.number(length_bytes)? as usize;
        if length > 8 {
            return self.skipped(length);
        }
        let value = self.number(length)?;
        let unused = 64 - 8 * length as u32;
        // Shifting up and down again carries the sign.
        self.value(Value::Int(if length == 0 { 0 } else { (value << unused) as i64 >> unused }))
    }

    fn string(&mut self, length_bytes: usize) -> Result<(), Broken> {
        let length = self.number(length_bytes)? as usize;
        let bytes = self.take(length)?;
        // A long one names nothing.
        if bytes.len() > MAX_TEXT {
            return self.push(Node::Other, 0);
        }
        let text = String::from_utf8_lossy(bytes).into_owned();
        self.text(&text)
    }

    fn text(&mut self, text: &str) -> Result<(), Broken> {
        self.push(Node::Text(text.into()), text.len())
    }

    fn skip(&mut self, length_bytes: usize) -> Result<(), Broken> {
        let length = self.number(length_bytes)? as usize;
        self.skipped(length)
    }

    /// A value of so many bytes that no tensor is made of.
    fn skipped(&mut self, bytes: usize) -> Result<(), Broken> {
        self.take(bytes)?;
        self.plain()
    }

    fn line(&mut self) -> Result<String, Broken> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else { return Err(broken("a name cut off")) };
        self.at += length + 1;
        Ok(String::from_utf8_lossy(&rest[..length]).into_owned())
    }

    /// A number in text, of something remembered.
    fn index(&mut self) -> Result<u32, Broken> {
        self.line()?.parse().map_err(|_| broken("a reference that is no number"))
    }

    /// Takes from what memory is left.
    fn charge(&mut self, bytes: usize) -> Result<(), Broken> {
        let left = self.left.checked_sub(bytes);
        self.left = left.ok_or_else(|| broken(format!("a program that takes over {GROWTH} times its own size")))?;
        Ok(())
    }

    /// Bytes of memory that the program has taken.
    #[cfg(test)]
    pub(super) fn taken(&self) -> usize {
        AT_LEAST + GROWTH * self.bytes.len() - self.left
    }

    fn value(&mut self, value: Value) -> Result<(), Broken> {
        self.charge(VALUE)?;
        self.stack.push(value);
        Ok(())
    }

    fn plain(&mut self) -> Result<(), Broken> {
        self.value(Value::Plain)
    }

    /// A node that takes so many bytes besides itself.
    fn push(&mut self, node: Node, bytes: usize) -> Result<(), Broken> {
        self.charge(size_of::<Node>() + bytes)?;
        self.value(Value::Node(self.nodes.len()))?;
        self.nodes.push(node);
        Ok(())
    }

    fn list(&mut self, values: Vec<Value>) -> Result<(), Broken> {
        let bytes = values.len() * VALUE;
        self.push(Node::Sequence(values), bytes)
    }

    /// An object made of the topmost values, a class and arguments.
    fn object(&mut self, values: usize) -> Result<(), Broken> {
        for _ in 0..values {
            self.pop()?;
        }
        self.push(Node::Other, 0)
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
        self.list(values)
    }

    fn memoize(&mut self, index_bytes: usize) -> Result<(), Broken> {
        let index = self.number(index_bytes)? as u32;
        self.remember(index)
    }

    fn remember(&mut self, index: u32) -> Result<(), Broken> {
        self.charge(REMEMBERED)?;
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index_bytes: usize) -> Result<(), Broken> {
        let index = self.number(index_bytes)? as u32;
        self.known(index)
    }

    fn known(&mut self, index: u32) -> Result<(), Broken> {
        let value = *self.memo.get(&index).ok_or_else(|| broken("a reference to nothing"))?;
        self.value(value)
    }

    fn extend(&mut self, values: Vec<Value>) -> Result<(), Broken> {
        self.charge(values.len() * VALUE)?;
        if let Value::Node(at) = self.top()?
            && let Node::Sequence(list) = &mut self.nodes[at]
        {
            list.extend(values);
        }
        Ok(())
    }

    fn set_items(&mut self, values: &[Value]) -> Result<(), Broken> {
        self.charge(values.len() * VALUE)?;
        if let Value::Node(at) = self.top()?
            && let Node::Dict(dict) = &mut self.nodes[at]
        {
            dict.extend(values.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        }
        Ok(())
    }

    /// What PyTorch puts aside: `('storage', class, key, device, numbers)`. Another program may put aside what it likes.
    fn storage(&mut self) -> Result<(), Broken> {
        let id = self.pop()?;
        let Some(&[what, class, key, _, Value::Int(len), ..]) = sequence(&self.nodes, id) else {
            return self.push(Node::Other, 0);
        };
        let names = (text(&self.nodes, what), node(&self.nodes, class), text(&self.nodes, key), usize::try_from(len));
        let (Some("storage"), Some(Node::Global(class)), Some(key), Ok(len)) = names else {
            return self.push(Node::Other, 0);
        };
        let storage = Storage { kind: Kind::of(class), key: key.into(), len };
        let bytes = size_of::<Storage>() + storage.key.len();
        self.push(Node::Storage(Rc::new(storage)), bytes)
    }

    /// A function and its arguments: those that make dicts and tensors are understood, none is called.
    fn call(&mut self) -> Result<(), Broken> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let name = match node(&self.nodes, function) {
            Some(Node::Global(name)) => &**name,
            _ => "",
        };
        let arguments = sequence(&self.nodes, arguments).unwrap_or_default();
        match name {
            "collections OrderedDict" if arguments.is_empty() => self.push(Node::Dict(Vec::new()), 0),
            "torch._utils _rebuild_tensor_v2" | "torch._utils _rebuild_tensor" => {
                let tensor = self.tensor(arguments);
                let tensor = tensor.ok_or_else(|| broken("a tensor without storage, sizes and strides"))?;
                let bytes = size_of::<Tensor>() + 2 * tensor.shape.len() * size_of::<usize>();
                self.push(Node::Tensor(Rc::new(tensor)), bytes)
            }
            // A tensor that is trained is wrapped once more.
            "torch._utils _rebuild_parameter" => {
                let tensor = arguments.first().and_then(|&tensor| node(&self.nodes, tensor));
                let made = tensor.filter(|node| matches!(node, Node::Tensor(_))).cloned();
                self.push(made.unwrap_or(Node::Other), 0)
            }
            _ => self.push(Node::Other, 0),
        }
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
        (shape.len() == stride.len()).then(|| Tensor { storage: Rc::clone(storage), offset, shape, stride })
    }
}
