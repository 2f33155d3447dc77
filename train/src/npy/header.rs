//! The header of a `.npy` file: a Python dictionary in text.

use std::io::Read;

/// Bytes a header may have; NumPy itself refuses more than 10,000 characters.
const MAX_HEADER: usize = 1 << 16;
/// Dimensions an array may have, as in NumPy.
const MAX_DIMENSIONS: usize = 64;

/// What the values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    F32,
    F64,
    U8,
    I32,
    I64,
}

impl Kind {
    const ALL: [Self; 5] = [Self::F32, Self::F64, Self::U8, Self::I32, Self::I64];

    /// Bytes a value takes.
    pub(super) fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F32 | Self::I32 => 4,
            Self::F64 | Self::I64 => 8,
        }
    }

    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::U8 => "u8",
            Self::I32 => "i32",
            Self::I64 => "i64",
        }
    }

    /// What NumPy calls it in the header.
    pub(super) fn descr(self) -> &'static str {
        match self {
            Self::F32 => "<f4",
            Self::F64 => "<f8",
            Self::U8 => "|u1",
            Self::I32 => "<i4",
            Self::I64 => "<i8",
        }
    }
}

/// Type and shape; the order is always C.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) shape: Vec<usize>,
}

/// What must hold of the file, and what was found.
type Broken = (String, String);

impl Header {
    /// Reads a header, and tells how many bytes it took with everything before the values.
    pub(super) fn read(file: &mut impl Read) -> Result<(Self, u64), Broken> {
        let cut_off = |_| ("have a whole header".to_string(), "its end".to_string());
        let mut start = [0; 8];
        file.read_exact(&mut start).map_err(|_| ("begin with \\x93NUMPY".to_string(), "fewer bytes".to_string()))?;
        if start[..6] != *b"\x93NUMPY" {
            return Err(("begin with \\x93NUMPY".into(), format!("{:02x?}", &start[..6])));
        }
        let size_bytes = match start[6] {
            1 => 2,
            2 | 3 => 4,
            other => return Err(("be a .npy file of version 1, 2 or 3".into(), format!("version {other}"))),
        };
        let mut size = [0; 4];
        file.read_exact(&mut size[..size_bytes]).map_err(cut_off)?;
        let size = u32::from_le_bytes(size) as usize;
        if size > MAX_HEADER {
            return Err((format!("have a header of at most {MAX_HEADER} bytes"), size.to_string()));
        }
        let mut text = vec![0; size];
        file.read_exact(&mut text).map_err(cut_off)?;
        let header = Self::parse(&String::from_utf8_lossy(&text))?;
        Ok((header, (8 + size_bytes + size) as u64))
    }

    /// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, keys in any order.
    fn parse(text: &str) -> Result<Self, Broken> {
        let broken = || ("have a header with descr, fortran_order and shape".to_string(), format!("{:?}", text.trim()));
        let (mut kind, mut fortran, mut shape) = (None, None, None);
        let mut rest = text.trim().strip_prefix('{').and_then(|t| t.strip_suffix('}')).ok_or_else(broken)?.trim();
        while !rest.is_empty() {
            let (key, after) = quoted(rest).ok_or_else(broken)?;
            let after = after.trim_start().strip_prefix(':').ok_or_else(broken)?.trim_start();
            let after = match key {
                "descr" => {
                    let (descr, after) = quoted(after).ok_or_else(|| {
                        ("hold plain numbers".to_string(), format!("a structured type in {:?}", text.trim()))
                    })?;
                    kind = Some(Self::kind(descr)?);
                    after
                }
                "fortran_order" => {
                    let order = [("True", true), ("False", false)];
                    let (word, value) = order.into_iter().find(|(w, _)| after.starts_with(w)).ok_or_else(broken)?;
                    fortran = Some(value);
                    &after[word.len()..]
                }
                "shape" => {
                    let (inside, after) = after.strip_prefix('(').and_then(|t| t.split_once(')')).ok_or_else(broken)?;
                    shape = Some(sizes(inside).ok_or_else(broken)?);
                    after
                }
                _ => return Err(broken()),
            };
            rest = after.trim_start();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        }
        let (Some(kind), Some(fortran), Some(shape)) = (kind, fortran, shape) else { return Err(broken()) };
        if fortran && shape.len() > 1 {
            return Err(("be in C order (numpy.ascontiguousarray)".into(), "Fortran order".into()));
        }
        Ok(Self { kind, shape })
    }

    fn kind(descr: &str) -> Result<Kind, Broken> {
        // Bytes have no order: NumPy writes `|`, others `<`.
        let normal = if descr == "<u1" { "|u1" } else { descr };
        Kind::ALL.into_iter().find(|kind| kind.descr() == normal).ok_or_else(|| {
            let must = "hold little-endian f32 or f64 (or u8, i32, i64 labels), for example astype('<f4')";
            (must.to_string(), format!("{descr:?}"))
        })
    }
}

/// A quoted word at the start, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| ['\'', '"'].contains(c))?;
    text[1..].split_once(quote)
}

/// The numbers of a tuple: `3,` or `2, 3`, with an `L` behind each if Python 2 wrote them.
fn sizes(text: &str) -> Option<Vec<usize>> {
    let text = text.trim();
    let text = text.strip_suffix(',').unwrap_or(text);
    if text.is_empty() {
        return Some(Vec::new());
    }
    let sizes: Option<Vec<usize>> = text.split(',').map(|s| s.trim().trim_end_matches('L').parse().ok()).collect();
    sizes.filter(|s| s.len() <= MAX_DIMENSIONS)
}
