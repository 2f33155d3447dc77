//! Round trips, files that NumPy wrote, and files that lie.

use super::*;
use crate::error::NsaError;
use nsa_core::data::ImageSet;
use tempfile::TempDir;

/// `numpy.save` of `numpy.array([[1.5, -2.0], [0.25, 3.0]], dtype='<f8')`, NumPy 2.
const F64_MATRIX: &str = "\
    934e554d5059010076007b276465736372273a20273c6638272c2027666f727472616e5f6f72646572273a2046616c73652c\
    20277368617065273a2028322c2032292c207d20202020202020202020202020202020202020202020202020202020202020\
    2020202020202020202020202020202020202020202020202020200a000000000000f83f00000000000000c0000000000000\
    d03f0000000000000840";
/// `numpy.save` of `numpy.array([3, 0, 9], dtype='u1')`.
const U8_VECTOR: &str = "\
    934e554d5059010076007b276465736372273a20277c7531272c2027666f727472616e5f6f72646572273a2046616c73652c\
    20277368617065273a2028332c292c207d202020202020202020202020202020202020202020202020202020202020202020\
    2020202020202020202020202020202020202020202020202020200a030009";

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

fn file(bytes: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.npy");
    std::fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// A file that may be written whatever is there.
fn to(path: &Path) -> files::Output {
    files::Output::new(path, &FEATURES, true, &[]).unwrap()
}

fn write_f64(path: &Path, shape: &[usize], values: &[f64]) -> Result<(), NsaError> {
    write::write(&to(path), Kind::F64, shape, values.iter().map(|v| v.to_le_bytes()))
}

fn write_i64(path: &Path, shape: &[usize], values: &[i64]) -> Result<(), NsaError> {
    write::write(&to(path), Kind::I64, shape, values.iter().map(|v| v.to_le_bytes()))
}

/// A version-1 file with the given header text.
fn with_header(text: &str, values: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00".as_slice(), &(text.len() as u16).to_le_bytes(), text.as_bytes(), values].concat()
}

#[test]
fn numpys_own_files_are_read_and_written_byte_for_byte() {
    let (_dir, path) = file(&unhex(F64_MATRIX));
    let array = read_f32(&path).unwrap();
    assert_eq!(
        (array.shape.as_slice(), array.values.as_slice()),
        ([2, 2].as_slice(), [1.5, -2.0, 0.25, 3.0].as_slice())
    );
    assert_eq!(read_features(&path).unwrap().row(1), [0.25, 3.0]);
    write_f64(&path, &[2, 2], &[1.5, -2.0, 0.25, 3.0]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), unhex(F64_MATRIX));

    write_u8(&to(&path), &[3], &[3, 0, 9]).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), unhex(U8_VECTOR));
    assert_eq!(read_labels(&path).unwrap().values, [3, 0, 9]);
}

#[test]
fn what_is_written_is_read() {
    let (_dir, path) = file(b"");
    let features = Features::new(2, 3, vec![1.0, 2.0, 3.0, 4.0, 5.0, -6.5]).unwrap();
    write_f32(&to(&path), &[2, 3], features.values()).unwrap();
    assert_eq!(read_features(&path).unwrap(), features);
    write_i64(&path, &[2], &[-1, i64::MAX]).unwrap();
    assert_eq!(read_labels(&path).unwrap().values, [-1, i64::MAX]);
    write_f32(&to(&path), &[2, 1, 2, 2], &[0.5; 8]).unwrap();
    assert_eq!(read_f32(&path).unwrap().shape, [2, 1, 2, 2]);
    write_f64(&path, &[3, 1], &[0.1, 0.2, 0.3]).unwrap();
    assert_eq!(read_vector(&path).unwrap(), [0.1, 0.2, 0.3]);
    assert!(
        write_f32(&to(&path), &[3], &[1.0])
            .unwrap_err()
            .to_string()
            .contains("get the values of its shape, 3, found 1")
    );
}

#[test]
fn version_2_keys_in_any_order_and_old_pythons_are_read() {
    let text = "{'shape': (2L,), 'fortran_order': True, \"descr\": '<f4'}\n";
    let values: Vec<u8> = [7.0_f32, 8.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let size = (text.len() as u32).to_le_bytes();
    let (_dir, path) = file(&[b"\x93NUMPY\x02\x00".as_slice(), &size, text.as_bytes(), &values].concat());
    assert_eq!(read_vector(&path).unwrap(), [7.0, 8.0]);
}

#[test]
fn files_that_lie_say_how() {
    let header = |descr: &str, order: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}\n")
    };
    let says = |bytes: &[u8]| read_features(&file(bytes).1).unwrap_err().to_string();
    let f4 = |shape: &str, values: &[u8]| says(&with_header(&header("<f4", "False", shape), values));
    assert!(f4("(2, 2)", &[0; 15]).contains("must hold 16 bytes after its header (shape 2 x 2), found 15"));
    assert!(f4("(2, 2)", &[0; 17]).contains("found 17"));
    assert!(f4("(99999999999, 9999999999)", &[]).contains("at most 2147483648 values"));
    assert!(f4("(18446744073709551616, 1)", &[]).contains("descr, fortran_order and shape"));
    assert!(f4("(-1, 1)", &[]).contains("descr, fortran_order and shape"));
    assert!(f4("(4,)", &[0; 16]).contains("must have two dimensions"));
    assert!(f4("(1, 1)", &f32::NAN.to_le_bytes()).contains("row 0, column 0 holds NaN"));
    assert!(f4("(0, 3)", &[]).contains("at least one row"));
    assert!(says(&with_header(&header(">f4", "False", "(1, 1)"), &[0; 4])).contains("little-endian"));
    assert!(says(&with_header(&header("|O", "False", "(1, 1)"), &[0; 4])).contains("found \"|O\""));
    assert!(says(&with_header(&header("<f4", "True", "(2, 2)"), &[0; 16])).contains("must be in C order"));
    assert!(says(&with_header(&header("|u1", "False", "(2, 2)"), &[0; 4])).contains("must hold f32 or f64, found u8"));
    assert!(says(b"PK\x03\x04 a zip file").contains("must begin with"));
    assert!(says(b"\x93NUMPY\x09\x00\x00\x00").contains("version 9"));
    assert!(says(b"\x93NUMPY\x02\x00\xff\xff\xff\xff").contains("header of at most 65536 bytes"));
    assert!(says(&with_header("{'descr': [('a', '<f4')], }", &[])).contains("structured"));
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    let whole = unhex(F64_MATRIX);
    for end in 0..whole.len() {
        assert!(read_f32(&file(&whole[..end]).1).is_err());
    }
    for at in 0..128 {
        for flip in [0x01, 0x80, 0xff] {
            let mut other = whole.clone();
            other[at] ^= flip;
            let _ = read_f32(&file(&other).1);
        }
    }
}

#[test]
fn scores_must_be_finite_and_one_an_image() {
    let (_dir, path) = file(b"");
    write_f64(&path, &[2], &[1.0, f64::INFINITY]).unwrap();
    assert!(read_vector(&path).unwrap_err().to_string().contains("must hold finite numbers, found inf at index 1"));
    write_f64(&path, &[2, 2], &[1.0; 4]).unwrap();
    assert!(read_vector(&path).unwrap_err().to_string().contains("must have one dimension"));
}

#[test]
fn images_survive_the_way_to_floats_and_back() {
    let (_dir, path) = file(b"");
    let pixels: Vec<u8> = (0..2 * 3072).map(|i| (i % 256) as u8).collect();
    let set = ImageSet::new(pixels.clone(), vec![0, 0], vec!["a".into()]).unwrap();
    // A hundred were announced: the header is written anew, and is no shorter.
    let output = to(&path);
    let mut writer = RowWriter::create(&output, 100, &[3, 32, 32]).unwrap();
    for image in 0..2 {
        writer.write(set.image(image).iter().map(|&byte| f32::from(byte) / 255.0)).unwrap();
    }
    assert_eq!(writer.finish().unwrap(), 2);
    assert_eq!(read_f32(&path).unwrap().shape, [2, 3, 32, 32]);
    assert_eq!(read_images(&path).unwrap(), pixels);
    let mut reader = ImageReader::open(&path).unwrap();
    assert_eq!((reader.n(), reader.size()), (2, [32, 32]));
    let bytes = |values: Vec<f32>| values.iter().map(|v| (v * 255.0).round() as u8).collect::<Vec<u8>>();
    assert_eq!(bytes(reader.next(1).unwrap()), pixels[..3072]);
    assert_eq!(bytes(reader.next(5).unwrap()), pixels[3072..]);
    assert!(reader.next(1).unwrap().is_empty());
    write_f32(&to(&path), &[1, 3, 32, 32], &[1.5; 3072]).unwrap();
    assert!(read_images(&path).unwrap_err().to_string().contains("must hold values of 0 to 1, found 1.5 at index 0"));
    write_f32(&to(&path), &[3, 32, 32], &[0.5; 3072]).unwrap();
    assert!(read_images(&path).unwrap_err().to_string().contains("found 3 x 32 x 32"));
    assert!(ImageReader::open(&path).is_err_and(|e| e.to_string().contains("N x 3 x H x W")));
    write_f64(&path, &[2, 3, 1, 2], &[0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, f64::NAN, 0.5, 0.5, 0.5]).unwrap();
    let error = ImageReader::open(&path).unwrap().next(2).unwrap_err().to_string();
    assert!(error.contains("must hold values of 0 to 1, found NaN in image 1"), "{error}");
}

#[test]
fn rows_that_were_not_finished_leave_nothing() {
    let (dir, path) = file(b"before");
    let output = to(&path);
    let mut writer = RowWriter::create(&output, 2, &[3]).unwrap();
    writer.write([1.0, 2.0]).unwrap();
    drop(writer);
    assert_eq!(std::fs::read(&path).unwrap(), b"before");
    let mut writer = RowWriter::create(&output, 2, &[3]).unwrap();
    writer.write([1.0, 2.0]).unwrap();
    assert!(writer.finish().unwrap_err().to_string().contains("rows of 3 values, found 2"));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}
