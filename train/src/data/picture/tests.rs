use super::*;
use std::collections::BTreeMap;
use std::io::Read;
use zip::ZipArchive;

/// Files after public reports of image decoders, and what Chromium shows of them (`tests/golden/make_browser.py`).
const GOLDEN: &[u8] = include_bytes!("../../../../tests/golden/browser_images.zip");

fn golden() -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(GOLDEN)).unwrap();
    (0..zip.len())
        .map(|i| {
            let mut file = zip.by_index(i).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().to_string(), bytes)
        })
        .collect()
}

/// Levels by which a decoder may round otherwise than Chromium's: JPEG and lossy WebP leave it to each how cosines and
/// colours are rounded, sixteen bits how they become eight.
fn tolerance(name: &str) -> u8 {
    match name {
        // Colours at half the resolution: how they are spread again is nobody's standard.
        "halved-colours.jpg" => 24,
        "lossy.webp" => 12,
        _ if name.ends_with(".jpg") && name != "other-name.jpg" => 4,
        // Opacity is rounded too.
        "rgba-16.png" | "grey-alpha-16.png" => 2,
        _ if name.contains("16") || name.contains("alpha") || name.starts_with("rgba") => 1,
        _ => 0,
    }
}

/// Guards the kinds reported as "image is rotated" (EXIF), "transparent becomes black" (alpha, palettes, colour keys),
/// "truncated file loads" (cut JPEG and PNG, zeros for the end), and "wrong frame of an animation".
#[test]
fn a_picture_is_what_chromium_shows_of_it() {
    let golden = golden();
    let (mut wrong, mut shown, mut refused) = (Vec::new(), 0, 0);
    for (name, bytes) in golden.iter().filter(|(name, _)| !name.ends_with(".rgb")) {
        match (decode(bytes), golden.get(&format!("{name}.rgb"))) {
            (Ok(picture), Some(expected)) => {
                let size: Vec<u8> = [picture.width(), picture.height()].iter().flat_map(|s| s.to_le_bytes()).collect();
                let difference = picture.as_raw().iter().zip(&expected[8..]).map(|(a, b)| a.abs_diff(*b)).max();
                if size != expected[..8] || difference > Some(tolerance(name)) {
                    wrong.push(format!("{name}: {} x {}, by {difference:?}", picture.width(), picture.height()));
                }
                shown += 1;
            }
            (Err(_), None) => refused += 1,
            (Ok(_), None) => wrong.push(format!("{name}: Chromium refuses it")),
            (Err(why), Some(_)) => wrong.push(format!("{name}: {why}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(shown > 60 && refused > 20, "{shown} shown, {refused} refused");
}

#[test]
fn a_file_that_is_cut_says_so() {
    let golden = golden();
    for name in ["baseline-cut-third.jpg", "progressive-zeros.jpg", "cut-half.png", "cut.webp"] {
        assert_eq!(
            decode(&golden[name]).unwrap_err().to_string(),
            "a file that is cut off: its end is missing",
            "{name}"
        );
    }
}

/// Guards the kind reported as "out of memory on a tiny file": what is announced is checked before it is allocated.
#[test]
fn pictures_that_announce_gigabytes_are_refused_before_they_are_decoded() {
    let golden = golden();
    let why = decode(&golden["wide.png"]).unwrap_err().to_string();
    assert!(why.ends_with("at most 67108864 in all, found 60000000 x 1"), "{why}");

    let mut jpeg = golden["baseline.jpg"].clone();
    // Height and width are in the frame header, behind its marker, length and precision.
    let frame = jpeg.windows(2).position(|marker| marker == [0xff, 0xc0]).unwrap();
    // 108 megapixels, as telephones take them.
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0x23, 0x28, 0x2e, 0xe0]);
    let why = decode(&jpeg).unwrap_err().to_string();
    assert!(why.contains("at most 67108864 in all, found 12000 x 9000"), "{why}");

    // 65,535 x 1,000 pixels of 16 bits and four channels.
    let mut png = golden["rgba-16.png"].clone();
    png[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0x03, 0xe8]);
    let mut crc = flate2::Crc::new();
    crc.update(&png[12..29]);
    png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    let why = decode(&png).unwrap_err().to_string();
    assert!(why.contains("65535 x 1000 pixels that take 524280000 bytes: at most 268435456"), "{why}");
}

/// Guards the kind reported as "cannot identify image file": the message says what the file is.
#[test]
fn what_is_no_picture_says_what_it_is() {
    let says = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
    assert!(says(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic").starts_with("HEIC"));
    assert!(says(b"\0\0\0\x1cftypavif\0\0\0\0").starts_with("AVIF"));
    assert!(says(b"II*\0\x08\0\0\0").starts_with("TIFF"));
    assert!(says(b"\n<!DOCTYPE HTML><html>Not found").starts_with("a web page"));
    assert!(says(b"version https://git-lfs.github.com/spec/v1").starts_with("a pointer of Git LFS"));
    assert!(says(b"<svg xmlns='http://www.w3.org/2000/svg'/>").starts_with("SVG"));
    for none in [b"".as_slice(), b"no picture at all", b"\0\0\0\x18ftyp", &[0xff]] {
        assert!(decode(none).is_err());
    }
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    for (name, bytes) in golden().iter().filter(|(name, bytes)| !name.ends_with(".rgb") && bytes.len() < 3000) {
        for at in (0..bytes.len()).step_by(7) {
            let _ = decode(&bytes[..at]);
            let mut other = bytes.clone();
            other[at] ^= 0x41;
            assert!(decode(&other).is_ok_and(|picture| picture.width() > 0) || decode(&other).is_err(), "{name}");
        }
    }
}
