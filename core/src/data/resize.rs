//! Pictures of any size to the models' 3 x 32 x 32.

use super::{CHANNELS, IMAGE_BYTES, SIZE};
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Rgb};
use thiserror::Error;

/// The largest picture that is resized: 64 megapixels.
pub const MAX_PIXELS: usize = 64 << 20;

/// Why a picture cannot be resized.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ResizeError {
    /// No pixels, or too many of them.
    #[error("a picture must have 1 to {MAX_PIXELS} pixels, found {width} x {height}")]
    Size {
        /// Width announced.
        width: usize,
        /// Height announced.
        height: usize,
    },
    /// The bytes do not fill the picture.
    #[error("a picture of {width} x {height} pixels needs {} bytes (RGB), found {found}", width * height * CHANNELS)]
    Length {
        /// Width announced.
        width: usize,
        /// Height announced.
        height: usize,
        /// Bytes found.
        found: usize,
    },
}

/// Interleaved RGB (`height x width x 3` bytes) to planes (`3 x 32 x 32`), by antialiased bilinear interpolation.
///
/// The proportions are not kept: the whole picture is squeezed into the square, as the data sets' own makers did.
/// A 32 x 32 picture keeps its pixels exactly. Grey pictures are repeated into three channels by the caller.
///
/// # Errors
/// [`ResizeError`] if the size is 0 or beyond [`MAX_PIXELS`], or `rgb` does not have the bytes for it. Both are
/// checked before anything is allocated.
pub fn to_model_size(rgb: &[u8], width: usize, height: usize) -> Result<[u8; IMAGE_BYTES], ResizeError> {
    let pixels = width.checked_mul(height).filter(|n| (1..=MAX_PIXELS).contains(n));
    let (Some(pixels), Ok(w), Ok(h)) = (pixels, u32::try_from(width), u32::try_from(height)) else {
        return Err(ResizeError::Size { width, height });
    };
    let length = ResizeError::Length { width, height, found: rgb.len() };
    if rgb.len() != pixels * CHANNELS {
        return Err(length);
    }
    if (width, height) == (SIZE, SIZE) {
        return Ok(planes(rgb));
    }
    let view: ImageBuffer<Rgb<u8>, &[u8]> = ImageBuffer::from_raw(w, h, rgb).ok_or(length)?;
    Ok(planes(imageops::resize(&view, SIZE as u32, SIZE as u32, FilterType::Triangle).as_raw()))
}

/// 32 x 32 interleaved pixels to channel planes.
fn planes(rgb: &[u8]) -> [u8; IMAGE_BYTES] {
    let mut out = [0; IMAGE_BYTES];
    for (i, pixel) in rgb.chunks_exact(CHANNELS).take(SIZE * SIZE).enumerate() {
        for (channel, &value) in pixel.iter().enumerate() {
            out[channel * SIZE * SIZE + i] = value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_size_passes_through() {
        let rgb: Vec<u8> = (0..IMAGE_BYTES).map(|i| (i * 7 % 251) as u8).collect();
        let out = to_model_size(&rgb, 32, 32).unwrap();
        assert_eq!((out[0], out[1024], out[2048], out[33]), (rgb[0], rgb[1], rgb[2], rgb[99]));
    }

    #[test]
    fn halving_averages_and_keeps_channels_apart() {
        let mut rgb = vec![0; 64 * 64 * 3];
        for (i, pixel) in rgb.chunks_exact_mut(3).enumerate() {
            // A fine chequerboard in red, constant green, nothing in blue.
            pixel[0] = if (i % 64 + i / 64) % 2 == 0 { 0 } else { 200 };
            pixel[1] = 90;
        }
        let out = to_model_size(&rgb, 64, 64).unwrap();
        assert!(out[..1024].iter().all(|&red| (94..=106).contains(&red)), "{:?}", &out[..8]);
        assert!(out[1024..2048].iter().all(|&green| green == 90));
        assert!(out[2048..].iter().all(|&blue| blue == 0));
    }

    #[test]
    fn small_and_oblong_pictures_fill_the_square() {
        assert!(to_model_size(&[9, 8, 7], 1, 1).unwrap()[..1024].iter().all(|&red| red == 9));
        assert_eq!(to_model_size(&[50; 3 * 100 * 3], 100, 3).unwrap(), [50; IMAGE_BYTES]);
    }

    #[test]
    fn sizes_that_lie_are_refused_before_allocating() {
        assert!(matches!(to_model_size(&[], 0, 5), Err(ResizeError::Size { .. })));
        assert!(matches!(to_model_size(&[], usize::MAX, 2), Err(ResizeError::Size { .. })));
        assert!(matches!(to_model_size(&[], 1 << 20, 1 << 20), Err(ResizeError::Size { .. })));
        assert!(matches!(to_model_size(&[0; 12], 2, 3), Err(ResizeError::Length { found: 12, .. })));
    }
}
