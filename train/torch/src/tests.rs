use super::*;
use half::{bf16, f16};
use nsa_core::model::{Arch, Stem};
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};

/// ResNet-18 of base width 1 as `torch.save` writes it (`tests/golden/make_pretrained.py`), its parameters still
/// trainable.
const ZIPPED: &[u8] = include_bytes!("../../../tests/golden/pretrained.pth");
/// The same in the old format, as a checkpoint of several GPUs, one weight in another memory order.
const LEGACY_FILE: &[u8] = include_bytes!("../../../tests/golden/pretrained_legacy.pth");

fn read(bytes: &[u8]) -> Result<StateDict, String> {
    // The first dict of a file as it is: how one is chosen is tested beside that.
    let first = |_: &[Candidate<'_>]| Ok(Choice { candidate: 0, prefix: String::new(), others: Vec::new() });
    let read = super::read(Cursor::new(bytes), bytes.len() as u64, first);
    read.map(|found| found.state).map_err(|error| match error {
        TorchError::Weights(why) => format!("weights.pth: {why}"),
        other => format!("weights.pth {other}"),
    })
}

/// A zip of `torch.save` with this pickle and these storages.
fn zipped(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("archive/{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    };
    add("data.pkl", pickle);
    storages.iter().for_each(|(key, bytes)| add(&format!("data/{key}"), bytes));
    zip.finish().unwrap().into_inner()
}

fn text(text: &str) -> Vec<u8> {
    [b"X".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
}

fn int(value: i32) -> Vec<u8> {
    [b"J".as_slice(), &value.to_le_bytes()].concat()
}

/// A tensor `name: tensor` to be set in a dict.
fn tensor(name: &str, class: &str, key: &str, len: i32, offset: i32, shape: &[i32], stride: &[i32]) -> Vec<u8> {
    let tuple = |sizes: &[i32]| [b"(".to_vec(), sizes.iter().flat_map(|&s| int(s)).collect(), b"t".to_vec()].concat();
    let storage = [b"((".to_vec(), text("storage"), format!("ctorch\n{class}\n").into(), text(key)].concat();
    let storage = [storage, text("cpu"), int(len), b"tQ".to_vec()].concat();
    let arguments = [storage, int(offset), tuple(shape), tuple(stride), b"\x89}t".to_vec()].concat();
    [text(name), b"ctorch._utils\n_rebuild_tensor_v2\n".to_vec(), arguments, b"Rs".to_vec()].concat()
}

fn dict(items: &[Vec<u8>]) -> Vec<u8> {
    [b"\x80\x02}".to_vec(), items.concat(), b".".to_vec()].concat()
}

#[test]
fn both_formats_hold_the_same_weights() {
    let zipped = read(ZIPPED).unwrap();
    assert_eq!(zipped.shape("layer2.0.downsample.0.weight"), Some([2, 1, 1, 1].as_slice()));
    assert_eq!(zipped.shape("fc.bias"), Some([2].as_slice()));
    assert_eq!(zipped.shape("bn1.num_batches_tracked"), None);
    let legacy = read(LEGACY_FILE).unwrap();
    assert_eq!(legacy.shape("module.conv1.weight"), Some([1, 3, 7, 7].as_slice()));
    assert_eq!(legacy.without_prefix("module."), zipped);
}

#[test]
fn views_are_read_by_their_strides() {
    let numbers: Vec<u8> = (0..6_i16).flat_map(|i| f32::from(i).to_le_bytes()).collect();
    let read = |offset, shape: &[i32], stride: &[i32]| {
        let pickle = dict(&[tensor("a", "FloatStorage", "0", 6, offset, shape, stride)]);
        read(&zipped(&pickle, &[("0", &numbers)]))
    };
    let expected = |shape: &[usize], values: &[f32]| {
        let mut state = StateDict::default();
        state.insert("a".into(), shape.to_vec(), values.to_vec()).unwrap();
        state
    };
    assert_eq!(read(0, &[2, 3], &[3, 1]).unwrap(), expected(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    assert_eq!(read(0, &[3, 2], &[1, 3]).unwrap(), expected(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
    assert_eq!(read(4, &[1, 2], &[i32::MAX, 1]).unwrap(), expected(&[1, 2], &[4.0, 5.0]));
    assert_eq!(read(5, &[], &[]).unwrap(), expected(&[], &[5.0]));
    assert_eq!(read(0, &[0, 3], &[3, 1]).unwrap(), expected(&[0, 3], &[]));
    for (offset, shape, stride) in [(1, [2, 3], [3, 1]), (0, [2, 3], [4, 1]), (0, [2, i32::MAX], [0, i32::MAX])] {
        let error = read(offset, &shape, &stride).unwrap_err();
        assert!(error.contains("must have tensors that lie inside") || error.contains("at most"), "{error}");
    }
    assert!(read(-1, &[1], &[1]).unwrap_err().contains("a tensor without storage, sizes and strides"));
}

#[test]
fn every_kind_of_float_is_read() {
    for (class, bytes) in [
        ("DoubleStorage", (-1.5_f64).to_le_bytes().to_vec()),
        ("FloatStorage", (-1.5_f32).to_le_bytes().to_vec()),
        ("HalfStorage", f16::from_f32(-1.5).to_le_bytes().to_vec()),
        ("BFloat16Storage", bf16::from_f32(-1.5).to_le_bytes().to_vec()),
    ] {
        let pickle = dict(&[tensor("a", class, "0", 1, 0, &[1], &[1])]);
        let mut expected = StateDict::default();
        expected.insert("a".into(), vec![1], vec![-1.5]).unwrap();
        assert_eq!(read(&zipped(&pickle, &[("0", &bytes)])).unwrap(), expected, "{class}");
    }
    let pickle = dict(&[tensor("a", "LongStorage", "0", 1, 0, &[1], &[1])]);
    let error = read(&zipped(&pickle, &[("0", &[0; 8])])).unwrap_err();
    assert_eq!(error, "weights.pth: weight 'a' must be F32, F16, BF16 or F64, found int64");
}

#[test]
fn what_is_no_state_dict_says_what_it_is() {
    let whole = |pickle: &[u8]| read(&zipped(pickle, &[])).unwrap_err();
    // A pickle that would delete everything if it were run.
    let error = whole(b"\x80\x02cos\nsystem\n(X\x08\x00\x00\x00rm -rf /tR.");
    assert!(
        error.ends_with("as torch.save(model.state_dict(), FILE) writes it, found a whole pickled object"),
        "{error}"
    );
    assert!(whole(&dict(&[])).ends_with("found a dict without tensors"));
    assert!(whole(b"\x80\x02\xff").contains("found instruction 0xff at byte 2, which Python does not have"));
    assert!(whole(b"\x80\x02}").contains("found its end after 3 bytes"));
    assert!(read(b"GIF89a and more").unwrap_err().contains("must be a safetensors file or a state dict of torch.save"));
    assert!(read(b"").unwrap_err().ends_with("found []"));
    assert!(read(b"PK\x03\x04 and nothing").unwrap_err().contains("must be a whole zip file of torch.save"));
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("notes.txt", SimpleFileOptions::default()).unwrap();
    let error = read(&zip.finish().unwrap().into_inner()).unwrap_err();
    assert!(error.contains("must have a data.pkl in it"), "{error}");
}

#[test]
fn sizes_that_lie_are_refused_before_allocating() {
    let one = |len, shape: &[i32], stride: &[i32], bytes: &[u8]| {
        let pickle = dict(&[tensor("a", "FloatStorage", "0", len, 0, shape, stride)]);
        read(&zipped(&pickle, &[("0", bytes)])).unwrap_err()
    };
    let error = one(i32::MAX, &[1], &[1], &[0; 4]);
    assert!(error.contains("must hold at most 536870912 bytes"), "{error}");
    assert!(one(2, &[2], &[1], &[0; 4]).contains("must hold 8 bytes in \"archive/data/0\", found 4"));
    assert!(one(1, &[1], &[1], &[0; 8]).contains("of at most 4 bytes, found more"));
    let error = one(1, &[1 << 16, 1 << 16], &[0, 0], &[0; 4]);
    assert!(error.contains("must hold at most 67108864 numbers"), "{error}");
    // Two tensors that disagree on the size of the storage they share.
    let pickle =
        dict(&[tensor("a", "FloatStorage", "0", 1, 0, &[1], &[1]), tensor("b", "FloatStorage", "0", 2, 0, &[2], &[1])]);
    assert!(read(&zipped(&pickle, &[("0", &[0; 4])])).unwrap_err().contains("must hold 8 bytes"));
    let nan = f32::NAN.to_le_bytes();
    assert_eq!(one(1, &[1], &[1], &nan), "weights.pth: weight 'a' holds a value that is not finite");
    // Tuples in tuples, a million deep, and bytes that account for what they take.
    let bytes = [b"B".as_slice(), &1_000_000_u32.to_le_bytes(), &vec![0; 1_000_000], b"0"].concat();
    let deep = [b"\x80\x02".to_vec(), bytes, b")".to_vec(), vec![0x85; 1_000_000], b".".to_vec()].concat();
    assert!(read(&zipped(&deep, &[])).unwrap_err().contains("a whole pickled object"));
}

/// Guards the kind reported of pickle readers as "memory grows without bound": what a program makes is counted, for
/// every instruction that makes something of little.
#[test]
fn a_program_cannot_take_more_than_its_size_allows() {
    let short = |text: &str| [b"\x8c".as_slice(), &[text.len() as u8], text.as_bytes()].concat();
    let name = "n".repeat(250);
    let times = |bytes: &[u8]| bytes.repeat((3 << 20) / bytes.len());
    // Two texts, remembered, and 830,000 classes made of them.
    let classes = [b"\x80\x04".to_vec(), short(&name), b"\x940".to_vec(), short(&name), b"\x940".to_vec()].concat();
    let classes = [classes, times(b"h\x00h\x01\x930")].concat();
    let tensor = tensor("a", "FloatStorage", "0", 1, 0, &[1; 8], &[1; 8]);
    // The class, the arguments, and a call of both, again and again.
    let call = tensor.len() - 2;
    let tensors =
        [b"\x80\x02(".to_vec(), tensor[..call].to_vec(), b"q\x010q\x000".to_vec(), times(b"h\x00h\x01R0")].concat();
    for (what, program) in
        [("classes", classes), ("tensors", tensors), ("empty lists", times(b"]")), ("empty dicts", times(b"}"))]
    {
        let error = read(&zipped(&program, &[])).unwrap_err();
        assert!(error.ends_with("found a program that takes over 32 times its own size"), "{what}: {error}");
    }
}

/// What PyTorch itself writes is far from the limit.
#[test]
fn the_limit_is_far_from_what_pytorch_writes() {
    let mut zip = zip::ZipArchive::new(Cursor::new(ZIPPED)).unwrap();
    let name = zip.file_names().find(|name| name.ends_with("data.pkl")).unwrap().to_string();
    let mut pickle = Vec::new();
    zip.by_name(&name).unwrap().read_to_end(&mut pickle).unwrap();
    let mut machine = interpreter::Interpreter::new(&pickle);
    while machine.step().unwrap() {}
    let taken = machine.taken();
    assert!(taken < 16 * pickle.len(), "{taken} of {}", pickle.len());
}

/// Guards the kind reported as "a checkpoint of 6 kB allocates gigabytes": tensors that share a number, or storages that
/// are packed to nothing.
#[test]
fn numbers_are_used_a_few_times_and_not_without_end() {
    let shared = |n: i32| {
        let pickle = dict(&[tensor("a", "FloatStorage", "0", 1000, 0, &[n, 1000], &[0, 1])]);
        read(&zipped(&pickle, &[("0", &[0; 4000])]))
    };
    assert!(shared(4).is_ok());
    let error = shared(5).unwrap_err();
    assert_eq!(
        error,
        "weights.pth must use its numbers at most 4 times over, found 'a' of shape [5, 1000] in 1000 numbers"
    );
    let pickle = dict(&[tensor("a", "FloatStorage", "0", 1 << 20, 0, &[1 << 20], &[1])]);
    let zeros = vec![0; 4 << 20];
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let packed = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, bytes) in [("archive/data.pkl", &pickle), ("archive/data/0", &zeros)] {
        zip.start_file(name, packed).unwrap();
        zip.write_all(bytes).unwrap();
    }
    let error = read(&zip.finish().unwrap().into_inner()).unwrap_err();
    assert!(error.contains("must be at least a 16th as large as its weights"), "{error}");
}

/// Guards the kinds reported as "unexpected key best_acc1" and "invalid load key": what training scripts save beside the
/// weights, in every protocol of pickle.
#[test]
fn what_lies_beside_the_weights_is_no_obstacle() {
    let weight = |name: &str| tensor(name, "FloatStorage", "0", 1, 0, &[1], &[1]);
    let inner = [b"}".to_vec(), weight("conv1.weight")].concat();
    let beside: [(&str, &[u8]); 14] = [
        ("a tensor", &weight("best_acc1")),
        ("a set", b"X\x01\0\0\0s\x8f(K\x01K\x02\x90s"),
        ("a frozen set", b"X\x01\0\0\0s(K\x01\x91s"),
        ("a bytearray", b"X\x01\0\0\0s\x96\x02\0\0\0\0\0\0\0abs"),
        ("long bytes", b"X\x01\0\0\0s\x8e\x02\0\0\0\0\0\0\0abs"),
        ("a long text", b"X\x01\0\0\0s\x8d\x02\0\0\0\0\0\0\0abs"),
        ("a number of NumPy", b"X\x01\0\0\0scnumpy.core.multiarray\nscalar\ncnumpy\ndtype\nU\x02f8\x89\x88\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tbC\x08abcdefgh\x86Rs"),
        ("a namespace", b"X\x01\0\0\0scargparse\nNamespace\n)\x81}U\x02lrG?\x84z\xe1G\xae\x14{sbs"),
        ("an object with named arguments", b"X\x01\0\0\0scm\nC\n)}\x92s"),
        ("an instance of Python 2", b"X\x01\0\0\0s(K\x01im\nC\ns"),
        ("an object by class", b"X\x01\0\0\0s(cm\nC\nK\x01os"),
        ("numbers of protocol 0", b"X\x01\0\0\0s(I12\nF1.5\nL7L\nI01\nls"),
        ("texts of protocol 0", b"V s\n(S'a'\nVb\ndp3\n0g3\ns"),
        ("something put aside by another program", b"X\x01\0\0\0sU\x01xQs"),
    ];
    let config = EncoderConfig { arch: Arch::Resnet18, stem: Stem::Cifar, width: 1 };
    for (what, item) in beside {
        let pickle = [b"\x80\x04}".to_vec(), item.to_vec(), text("state_dict"), inner.clone(), b"s.".to_vec()].concat();
        let file = zipped(&pickle, &[("0", &[0; 4])]);
        let found = read_weights(Cursor::new(&file), file.len() as u64, &config);
        let state = found.unwrap_or_else(|e| panic!("{what}: {e}")).state;
        assert_eq!(state.shapes().map(|(name, _)| name).collect::<Vec<_>>(), ["conv1.weight"], "{what}");
    }
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    for file in [ZIPPED, LEGACY_FILE] {
        for end in (0..file.len()).step_by(499) {
            assert!(read(&file[..end]).is_err(), "cut at {end}");
        }
        for at in (0..file.len()).step_by(61) {
            for flip in [0x01, 0x80] {
                let mut other = file.to_vec();
                other[at] ^= flip;
                let _ = read(&other);
            }
        }
    }
}
