//! MATLAB 5 files, as far as SVHN needs them: little-endian numeric arrays, plain or compressed.
//!
//! A file is a header of 128 bytes and then elements: a tag (type and bytes), the content, zeros up to a multiple
//! of 8. An array is an element that holds others: flags, sizes, name, values. Content of at most 4 bytes may sit
//! inside its tag.

use flate2::read::ZlibDecoder;
use std::io::Read;

/// Dimensions an array may have.
const MAX_DIMENSIONS: usize = 8;
/// Elements a file may have.
const MAX_ELEMENTS: usize = 64;

// Element types.
const INT8: u32 = 1;
const UINT8: u32 = 2;
const INT16: u32 = 3;
const UINT16: u32 = 4;
const INT32: u32 = 5;
const UINT32: u32 = 6;
const SINGLE: u32 = 7;
const DOUBLE: u32 = 9;
const INT64: u32 = 12;
const UINT64: u32 = 13;
const MATRIX: u32 = 14;
/// Those that values come in. SciPy saves labels in whatever integers they were.
const NUMBERS: [u32; 10] = [INT8, UINT8, INT16, UINT16, INT32, UINT32, SINGLE, DOUBLE, INT64, UINT64];
/// The classes of arrays, in their flags, that hold numbers; others hold texts, cells and structures.
const NUMERIC: std::ops::RangeInclusive<u8> = 6..=15;
const COMPRESSED: u32 = 15;

/// A numeric array whose values fit into bytes.
#[derive(Debug, PartialEq)]
pub(super) struct ByteArray {
    pub(super) name: String,
    /// Sizes; the first varies fastest in `values`.
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<u8>,
}

/// What must hold of the file, and what was found instead.
#[derive(Debug, PartialEq)]
pub(super) struct Broken(pub(super) String, pub(super) String);

impl Broken {
    fn new(must: impl Into<String>, found: impl Into<String>) -> Self {
        Self(must.into(), found.into())
    }
}

/// The numeric arrays of these names; none may have more than `cap` values. Whatever else is in the file is passed over.
pub(super) fn read(mut file: impl Read, names: &[&str], cap: usize) -> Result<Vec<ByteArray>, Broken> {
    let header = bytes(&mut file, 128)?;
    if header[124..] != [0, 1, b'I', b'M'] {
        let found = format!("{:02x?} at byte 124", &header[124..]);
        return Err(Broken::new("be a little-endian MATLAB 5 file (older and HDF5-based versions are not)", found));
    }
    let mut arrays = Vec::new();
    let mut elements = 0;
    while let Some(tag) = Tag::read(&mut file)? {
        elements += 1;
        if elements > MAX_ELEMENTS {
            return Err(Broken::new(format!("have at most {MAX_ELEMENTS} arrays"), "more"));
        }
        let mut content = file.by_ref().take(u64::from(tag.size));
        match tag.kind {
            COMPRESSED => {
                let mut inflated = ZlibDecoder::new(&mut content);
                match Tag::read(&mut inflated)? {
                    Some(inner) if inner.kind == MATRIX => {
                        arrays.extend(array(inflated.by_ref().take(u64::from(inner.size)), names, cap)?);
                    }
                    other => return Err(Broken::new("have arrays in its compressed elements", format!("{other:?}"))),
                }
            }
            MATRIX => arrays.extend(array(&mut content, names, cap)?),
            other => return Err(Broken::new("have arrays at its top level", format!("an element of type {other}"))),
        }
        // Whatever of the element is not needed.
        std::io::copy(&mut content, &mut std::io::sink()).map_err(|e| Broken::new("be readable", e.to_string()))?;
        if content.limit() > 0 {
            return Err(cut_off());
        }
    }
    Ok(arrays)
}

/// One array: flags, sizes, name, values. None if it is not among `names`, or holds no numbers.
fn array(mut content: impl Read, names: &[&str], cap: usize) -> Result<Option<ByteArray>, Broken> {
    let (_, flags) = part(&mut content, &[UINT32], 8, "array flags")?;
    if flags.first().is_none_or(|class| !NUMERIC.contains(class)) {
        return Ok(None);
    }
    let (_, sizes) = part(&mut content, &[INT32], 4 * MAX_DIMENSIONS, "array sizes")?;
    let mut shape = Vec::new();
    for size in sizes.chunks_exact(4) {
        let size = i32::from_le_bytes([size[0], size[1], size[2], size[3]]);
        shape.push(usize::try_from(size).map_err(|_| Broken::new("have no negative sizes", size.to_string()))?);
    }
    let (_, name) = part(&mut content, &[INT8], 64, "an array name")?;
    let name = String::from_utf8_lossy(&name).into_owned();
    if !names.contains(&name.as_str()) {
        return Ok(None);
    }
    let count = shape.iter().try_fold(1_usize, |n, &size| n.checked_mul(size)).filter(|&n| n <= cap);
    let Some(count) = count else {
        return Err(Broken::new(format!("have at most {cap} values in {name:?}"), format!("sizes {shape:?}")));
    };
    let (kind, values) = part(&mut content, &NUMBERS, count.saturating_mul(8), "values in numbers")?;
    let values = if kind == UINT8 { values } else { whole_bytes(&name, kind, &values)? };
    if values.len() != count {
        return Err(Broken::new(format!("have {count} values in {name:?}"), values.len().to_string()));
    }
    Ok(Some(ByteArray { name, shape, values }))
}

/// Whole numbers of 0..256 stored as others.
fn whole_bytes(name: &str, kind: u32, values: &[u8]) -> Result<Vec<u8>, Broken> {
    let other = |found: String| Broken::new(format!("have whole numbers of 0 to 255 in {name:?}"), found);
    let integer = |value: i128| u8::try_from(value).map_err(|_| other(value.to_string()));
    // Seldom many: labels. The published images are bytes.
    macro_rules! integers {
        ($type:ty) => {
            values.as_chunks().0.iter().map(|b| integer(<$type>::from_le_bytes(*b).into())).collect()
        };
    }
    let float = |value: f64| {
        let byte = value as u8;
        if f64::from(byte) == value { Ok(byte) } else { Err(other(value.to_string())) }
    };
    match kind {
        INT8 => integers!(i8),
        INT16 => integers!(i16),
        UINT16 => integers!(u16),
        INT32 => integers!(i32),
        UINT32 => integers!(u32),
        INT64 => integers!(i64),
        UINT64 => integers!(u64),
        SINGLE => values.as_chunks().0.iter().map(|b| float(f32::from_le_bytes(*b).into())).collect(),
        _ => values.as_chunks().0.iter().map(|b| float(f64::from_le_bytes(*b))).collect(),
    }
}

/// The next element: one of `kinds`, of at most `most` bytes. Gives its kind and content.
fn part(content: &mut impl Read, kinds: &[u32], most: usize, what: &str) -> Result<(u32, Vec<u8>), Broken> {
    let tag = Tag::read(content)?.ok_or_else(cut_off)?;
    if !kinds.contains(&tag.kind) || tag.size as usize > most {
        let found = format!("an element of type {} and {} bytes", tag.kind, tag.size);
        return Err(Broken::new(format!("have {what} (at most {most} bytes) here"), found));
    }
    if let Some(small) = tag.small {
        return Ok((tag.kind, small[..tag.size as usize].to_vec()));
    }
    let value = bytes(content, tag.size as usize)?;
    // The last element's padding may be left out.
    let padding = (8 - tag.size % 8) % 8;
    std::io::copy(&mut content.take(u64::from(padding)), &mut std::io::sink())
        .map_err(|e| Broken::new("be readable", e.to_string()))?;
    Ok((tag.kind, value))
}

#[derive(Debug)]
struct Tag {
    kind: u32,
    size: u32,
    /// The content itself, where it sits in the tag.
    small: Option<[u8; 4]>,
}

impl Tag {
    /// The next tag, or `None` at the end.
    fn read(from: &mut impl Read) -> Result<Option<Self>, Broken> {
        let mut tag = Vec::new();
        from.take(8).read_to_end(&mut tag).map_err(|e| Broken::new("be whole", e.to_string()))?;
        if tag.is_empty() {
            return Ok(None);
        }
        let [a, b, c, d, e, f, g, h] = tag[..] else { return Err(cut_off()) };
        let (first, second) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
        Ok(Some(match first >> 16 {
            0 => Self { kind: first, size: second, small: None },
            size @ 1..=4 => Self { kind: first & 0xffff, size, small: Some([e, f, g, h]) },
            size => return Err(Broken::new("have at most 4 bytes in a short element", size.to_string())),
        }))
    }
}

/// Exactly `n` bytes; memory grows with what is there, not with what is announced.
fn bytes(from: &mut impl Read, n: usize) -> Result<Vec<u8>, Broken> {
    let mut out = Vec::new();
    from.take(n as u64).read_to_end(&mut out).map_err(|e| Broken::new("be whole", e.to_string()))?;
    if out.len() == n { Ok(out) } else { Err(cut_off()) }
}

fn cut_off() -> Broken {
    Broken::new("be whole", "its end in the middle of an element")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use std::io::Write;

    pub(crate) fn element(kind: u32, content: &[u8]) -> Vec<u8> {
        let mut out = [kind.to_le_bytes(), (content.len() as u32).to_le_bytes()].concat();
        out.extend(content);
        out.resize(out.len().next_multiple_of(8), 0);
        out
    }

    pub(crate) fn matrix(name: &str, shape: &[i32], kind: u32, values: &[u8]) -> Vec<u8> {
        let sizes: Vec<u8> = shape.iter().flat_map(|s| s.to_le_bytes()).collect();
        // A name of one letter goes into its tag, as MATLAB writes it.
        let mut short = [INT8 as u8, 0, name.len() as u8, 0, 0, 0, 0, 0];
        short[4..4 + name.len()].copy_from_slice(name.as_bytes());
        let parts = [element(UINT32, &[9, 0, 0, 0, 0, 0, 0, 0]), element(INT32, &sizes), short.to_vec()];
        element(MATRIX, &[parts.concat(), element(kind, values)].concat())
    }

    pub(crate) fn compressed(matrix: &[u8]) -> Vec<u8> {
        let mut z = ZlibEncoder::new(Vec::new(), Compression::fast());
        z.write_all(matrix).unwrap();
        let packed = z.finish().unwrap();
        // Compressed elements are not padded.
        [&COMPRESSED.to_le_bytes()[..], &(packed.len() as u32).to_le_bytes(), &packed].concat()
    }

    pub(crate) fn file(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut header = vec![b' '; 128];
        header[124..].copy_from_slice(&[0, 1, b'I', b'M']);
        [header, elements.concat()].concat()
    }

    #[test]
    fn plain_and_compressed_arrays_are_read() {
        let doubles: Vec<u8> = [1.0_f64, 10.0].iter().flat_map(|v| v.to_le_bytes()).collect();
        let bytes =
            file(&[compressed(&matrix("X", &[2, 1, 2], UINT8, &[1, 2, 3, 4])), matrix("y", &[2, 1], DOUBLE, &doubles)]);
        let arrays = read(bytes.as_slice(), &["X", "y"], 100).unwrap();
        assert_eq!(arrays[0], ByteArray { name: "X".into(), shape: vec![2, 1, 2], values: vec![1, 2, 3, 4] });
        assert_eq!(arrays[1], ByteArray { name: "y".into(), shape: vec![2, 1], values: vec![1, 10] });
    }

    /// Guards the kind reported of SVHN as "saved again by SciPy, and not read any more": labels in any integers, texts
    /// and other arrays beside them.
    #[test]
    fn labels_are_read_in_any_type_and_other_arrays_passed_over() {
        let types: [(u32, Vec<u8>); 9] = [
            (INT8, vec![7, 10]),
            (INT16, [7_i16, 10].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (UINT16, [7_u16, 10].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (INT32, [7_i32, 10].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (UINT32, [7_u32, 10].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (INT64, [7_i64, 10].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (UINT64, [7_u64, 10].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (SINGLE, [7_f32, 10.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
            (DOUBLE, [7_f64, 10.0].iter().flat_map(|v| v.to_le_bytes()).collect()),
        ];
        // An array of characters, as SciPy writes a string: class 4, values in UTF-8.
        let mut text = matrix("s", &[1, 3], 16, b"abc");
        text[16] = 4;
        let wild = matrix("w", &[1], DOUBLE, &0.5_f64.to_le_bytes());
        for (kind, values) in types {
            let bytes = file(&[text.clone(), wild.clone(), matrix("y", &[1, 2], kind, &values)]);
            let arrays = read(bytes.as_slice(), &["X", "y"], 100).unwrap();
            assert_eq!(arrays, [ByteArray { name: "y".into(), shape: vec![1, 2], values: vec![7, 10] }], "type {kind}");
        }
        let negative = file(&[matrix("y", &[1], INT16, &(-1_i16).to_le_bytes())]);
        assert_eq!(read(negative.as_slice(), &["y"], 100).unwrap_err().1, "-1");
    }

    #[test]
    fn lies_are_refused() {
        let must = |elements: &[Vec<u8>]| read(file(elements).as_slice(), &["X", "y"], 100).unwrap_err().0;
        assert_eq!(must(&[matrix("X", &[i32::MAX, i32::MAX, 9], UINT8, &[1])]), "have at most 100 values in \"X\"");
        assert_eq!(must(&[matrix("X", &[-1, 2], UINT8, &[1])]), "have no negative sizes");
        assert_eq!(must(&[matrix("X", &[2, 2], UINT8, &[1])]), "have 4 values in \"X\"");
        assert_eq!(
            must(&[matrix("y", &[1], DOUBLE, &0.5_f64.to_le_bytes())]),
            "have whole numbers of 0 to 255 in \"y\""
        );
        assert_eq!(must(&[element(UINT8, &[1])]), "have arrays at its top level");
        assert!(must(&[matrix("X", &[1; 9], UINT8, &[1])]).starts_with("have array sizes"));
        assert_eq!(
            read(&[0; 128][..], &[], 9).unwrap_err().0.split(" (").next(),
            Some("be a little-endian MATLAB 5 file")
        );
    }

    #[test]
    fn every_cut_is_noticed_and_none_panics() {
        let whole = file(&[compressed(&matrix("X", &[2, 2], UINT8, &[1, 2, 3, 4]))]);
        for end in (0..whole.len()).filter(|&end| end != 128) {
            assert!(read(&whole[..end], &["X"], 100).is_err(), "cut at {end} of {}", whole.len());
        }
        for at in 128..whole.len() {
            let mut other = whole.clone();
            other[at] ^= 0xff;
            let _ = read(other.as_slice(), &["X"], 100);
        }
    }
}
