//! What the chunks of a PNG file say, before any of them is unpacked.

/// Found by going from chunk to chunk by their lengths.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Chunks {
    /// Whether the last chunk is there; of an animation, whether the first frame is.
    pub(super) whole: bool,
    animated: bool,
    /// Whether a frame of the animation was announced before the default image.
    default_is_frame: bool,
}

/// Bytes before the first chunk.
const SIGNATURE: usize = 8;
/// Bytes of a chunk besides its content: length, name, checksum.
const AROUND: usize = 12;

impl Chunks {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut found = Self::default();
        let (mut at, mut data, mut frames) = (SIGNATURE, false, 0);
        while let Some(&[a, b, c, d, ref name @ ..]) = bytes.get(at..at + 8) {
            match name {
                b"acTL" => found.animated |= !data,
                b"fcTL" => {
                    found.default_is_frame |= !data;
                    // The next frame begins where the first ends.
                    frames += 1;
                    found.whole |= found.animated && frames > 1;
                }
                b"IDAT" => data = true,
                b"IEND" => {
                    found.whole = true;
                    break;
                }
                _ => (),
            }
            at = at.saturating_add(AROUND).saturating_add(u32::from_be_bytes([a, b, c, d]) as usize);
        }
        found
    }

    /// Whether browsers show the animation's first frame instead of the picture that the file holds for others.
    pub(super) fn default_image_is_hidden(&self) -> bool {
        self.animated && !self.default_is_frame
    }
}
