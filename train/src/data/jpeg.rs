//! What the segments of a JPEG file say: whether its end is there, and how strongly it was compressed, because results
//! on re-encoded images must say so.

/// The luminance quantisation of ITU-T T.81, annex K, which encoders scale by their quality.
const LUMINANCE: [u32; 64] = [
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51,
    87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101,
    72, 92, 95, 98, 112, 100, 103, 99,
];

/// The quality, 1 to 100 as libjpeg counts it, at which a file was encoded; none if its encoder counts otherwise.
pub(super) fn quality(bytes: &[u8]) -> Option<u32> {
    let mut found = luminance_table(bytes)?;
    // The file has the table in zigzag order; which values it has is enough.
    found.sort_unstable();
    (1..=100).find(|&quality| {
        let scale = if quality < 50 { 5000 / quality } else { 200 - 2 * quality };
        let mut scaled = LUMINANCE.map(|value| ((value * scale + 50) / 100).clamp(1, 255));
        scaled.sort_unstable();
        scaled == found
    })
}

/// Quantisation table 0, from the segments before the image.
fn luminance_table(bytes: &[u8]) -> Option<[u32; 64]> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let segment = rest.get(4..2 + usize::from(u16::from_be_bytes([high, low])))?;
        if marker == 0xdb && segment.first() == Some(&0) {
            let values: [u8; 64] = segment.get(1..65)?.try_into().ok()?;
            return Some(values.map(u32::from));
        }
        rest = &rest[4 + segment.len()..];
    }
}

/// Whether the brightness of a colour picture has fewer samples than one of its colours. Cameras and programs write it the
/// other way round; the decoder takes such a file for one of those and gives wrong pixels.
pub(super) fn has_coarse_brightness(bytes: &[u8]) -> bool {
    let Some(sampling) = sampling(bytes) else { return false };
    let [of_brightness, of_colours @ ..] = sampling.as_slice() else { return false };
    of_colours.iter().any(|(across, down)| *across > of_brightness.0 || *down > of_brightness.1)
}

/// The sampling factors of every component, across and down, from the header of the frame.
fn sampling(bytes: &[u8]) -> Option<Vec<(u8, u8)>> {
    let mut rest = bytes.strip_prefix(&[0xff, 0xd8])?;
    loop {
        // Before a marker there may be any number of bytes of padding.
        while rest.starts_with(&[0xff, 0xff]) {
            rest = &rest[1..];
        }
        let [0xff, marker, high, low, ..] = *rest else { return None };
        let segment = rest.get(4..2 + usize::from(u16::from_be_bytes([high, low])))?;
        // The frames of ITU-T T.81, table B.1; between them stand other segments.
        if (0xc0..=0xcf).contains(&marker) && ![0xc4, 0xc8, 0xcc].contains(&marker) {
            let components = segment.get(6..6 + 3 * usize::from(*segment.get(5)?))?;
            return Some(components.chunks_exact(3).map(|part| (part[1] >> 4, part[1] & 15)).collect());
        }
        rest = &rest[4 + segment.len()..];
    }
}

/// Whether the file reaches its marker of the end. What is cut off, or ends in zeros, does not: decoders fill the rest
/// with grey, browsers refuse it.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 0;
    loop {
        let Some(next) = bytes.get(at..).and_then(|rest| rest.iter().position(|&byte| byte == 0xff)) else {
            return false;
        };
        at += next + 1;
        match bytes.get(at) {
            None => return false,
            Some(0xd9) => return true,
            // A byte of 255 among the numbers, a restart, the beginning: no content of known length follows.
            Some(0x00 | 0x01 | 0xd0..=0xd8) => at += 1,
            // Padding before a marker.
            Some(0xff) => (),
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(&[high, low]) => at += 1 + usize::from(u16::from_be_bytes([high, low])).max(2),
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::codecs::jpeg::JpegEncoder;

    #[test]
    fn the_quality_of_an_encoder_is_found_again() {
        for expected in [1, 10, 49, 50, 75, 90, 100] {
            let mut bytes = Vec::new();
            let picture = image::RgbImage::from_pixel(16, 16, image::Rgb([90, 120, 7]));
            JpegEncoder::new_with_quality(&mut bytes, expected).encode_image(&picture).unwrap();
            assert_eq!(quality(&bytes), Some(u32::from(expected)));
            for end in 0..bytes.len().min(200) {
                // Cut anywhere it is none or the same, never a panic.
                assert!(quality(&bytes[..end]).is_none_or(|found| found == u32::from(expected)));
            }
        }
        assert_eq!(quality(b"\xff\xd8\xff\xdb\x00\x00"), None);
        assert_eq!(quality(b"no picture"), None);
    }

    #[test]
    fn brightness_that_is_coarser_than_colours_is_found() {
        let jpeg = |sampling: &[u8]| {
            let mut bytes = vec![0xff, 0xd8, 0xff, 0xfe, 0, 3, b'a', 0xff, 0xff, 0xc0, 0, 8 + 3 * sampling.len() as u8];
            bytes.extend([8, 0, 16, 0, 16, sampling.len() as u8]);
            bytes.extend(sampling.iter().enumerate().flat_map(|(i, &factors)| [i as u8, factors, 0]));
            bytes
        };
        for coarse in [[0x11, 0x22, 0x22], [0x11, 0x21, 0x11], [0x21, 0x11, 0x12], [0x12, 0x21, 0x11]] {
            assert!(has_coarse_brightness(&jpeg(&coarse)), "{coarse:x?}");
        }
        for usual in [[0x22, 0x11, 0x11], [0x11, 0x11, 0x11], [0x21, 0x11, 0x21], [0x41, 0x11, 0x11]] {
            assert!(!has_coarse_brightness(&jpeg(&usual)), "{usual:x?}");
        }
        assert!(!has_coarse_brightness(&jpeg(&[0x11])));
        let whole = jpeg(&[0x11, 0x22, 0x22]);
        assert!((0..whole.len()).all(|end| !has_coarse_brightness(&whole[..end])));
    }
}
