//! Pictures of any size to the models' 3 x 32 x 32 or 3 x 224 x 224.

use super::{CHANNELS, IMAGE_BYTES, SIZE};
use crate::config::IMAGENET_SIZE;
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, Rgb};
use thiserror::Error;

/// The largest picture that is resized: 64 megapixels.
pub const MAX_PIXELS: usize = 64 << 20;
/// Its longest side, as JPEG has it: between the two passes of a resize each column keeps a value a row of the result.
pub const MAX_SIDE: usize = 65_535;

/// To how many pixels the shorter side is scaled before the middle is cut out.
const SCALED: u32 = 256;
const CUT: u32 = IMAGENET_SIZE as u32;
/// How many times as long as high a picture is scaled as a whole.
const LONGEST: u32 = 8;

/// Why a picture cannot be resized.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ResizeError {
    /// No pixels, or too many of them.
    #[error(
        "a picture must have 1 to {MAX_SIDE} pixels a side and at most {MAX_PIXELS} in all, found {width} x {height}"
    )]
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
/// [`ResizeError`] if the size is 0 or beyond [`check_size`]'s, or `rgb` does not have the bytes for it. Both are
/// checked before anything is allocated.
pub fn to_model_size(rgb: &[u8], width: usize, height: usize) -> Result<[u8; IMAGE_BYTES], ResizeError> {
    let view = view(rgb, width, height)?;
    let mut out = [0; IMAGE_BYTES];
    if (width, height) == (SIZE, SIZE) {
        planes(rgb, &mut out);
    } else {
        planes(imageops::resize(&view, SIZE as u32, SIZE as u32, FilterType::Triangle).as_raw(), &mut out);
    }
    Ok(out)
}

/// Interleaved RGB (`height x width x 3` bytes) to planes (`3 x side x side`): 224 as [`to_imagenet_size`] gives it; up to
/// 32 as [`to_model_size`] gives it and [`shrink`] makes it smaller; else squeezed like 32.
///
/// # Errors
/// As for [`to_model_size`].
pub fn to_side(rgb: &[u8], width: usize, height: usize, side: usize) -> Result<Vec<u8>, ResizeError> {
    if side == IMAGENET_SIZE {
        return to_imagenet_size(rgb, width, height);
    }
    if side <= SIZE {
        return Ok(shrink(&to_model_size(rgb, width, height)?, side));
    }
    let view = view(rgb, width, height)?;
    let mut out = vec![0; CHANNELS * side * side];
    planes(imageops::resize(&view, side as u32, side as u32, FilterType::Triangle).as_raw(), &mut out);
    Ok(out)
}

/// Planes of a 32 x 32 image to those of a smaller one (`3 x side x side`), by antialiased bilinear interpolation. Every
/// image that a small network sees was 32 x 32 before: so a data set, a picture of one's own and the page's galleries
/// agree.
pub fn shrink(image: &[u8; IMAGE_BYTES], side: usize) -> Vec<u8> {
    if side == SIZE {
        return image.to_vec();
    }
    let shrunk = image.chunks_exact(SIZE * SIZE).flat_map(|plane| {
        let plane =
            ImageBuffer::<Luma<u8>, _>::from_raw(SIZE as u32, SIZE as u32, plane).expect("a plane fills itself");
        imageops::resize(&plane, side as u32, side as u32, FilterType::Triangle).into_raw()
    });
    shrunk.collect()
}

/// Interleaved RGB (`height x width x 3` bytes) to planes (`3 x 224 x 224`) as networks with ImageNet's stem are shown
/// them: the shorter side is scaled to 256 by antialiased bilinear interpolation, and the middle is cut out.
///
/// Sizes and edges are those of torchvision's `Resize(256)` and `CenterCrop(224)`. Of a picture that is more than 8
/// times as long as high, only the middle is scaled: of one 1 pixel high the rest could be gigabytes.
///
/// # Errors
/// As for [`to_model_size`].
pub fn to_imagenet_size(rgb: &[u8], width: usize, height: usize) -> Result<Vec<u8>, ResizeError> {
    let view = view(rgb, width, height)?;
    let short = view.width().min(view.height());
    let [width, height] = [view.width(), view.height()].map(|side| side.min(short.saturating_mul(LONGEST)));
    let view = imageops::crop_imm(&view, (view.width() - width) / 2, (view.height() - height) / 2, width, height);
    let [width, height] = [width, height].map(|side| (u64::from(SCALED) * u64::from(side) / u64::from(short)) as u32);
    let scaled = imageops::resize(&*view, width, height, FilterType::Triangle);
    // Python rounds halves to even numbers.
    let border = |side: u32| (side - CUT) / 2 + u32::from((side - CUT) % 4 == 3);
    let middle = imageops::crop_imm(&scaled, border(width), border(height), CUT, CUT).to_image();
    let mut out = vec![0; CHANNELS * IMAGENET_SIZE * IMAGENET_SIZE];
    planes(middle.as_raw(), &mut out);
    Ok(out)
}

/// Whether a picture of this size is resized: to be asked before it is decoded.
///
/// # Errors
/// [`ResizeError::Size`] if a side is 0 or beyond [`MAX_SIDE`], or both together are beyond [`MAX_PIXELS`].
pub fn check_size(width: usize, height: usize) -> Result<(), ResizeError> {
    let sane = |side: usize| (1..=MAX_SIDE).contains(&side);
    if sane(width) && sane(height) && width * height <= MAX_PIXELS {
        Ok(())
    } else {
        Err(ResizeError::Size { width, height })
    }
}

/// A picture whose size is sane and filled.
fn view(rgb: &[u8], width: usize, height: usize) -> Result<ImageBuffer<Rgb<u8>, &[u8]>, ResizeError> {
    check_size(width, height)?;
    let (w, h, pixels) = (width as u32, height as u32, width * height);
    let length = ResizeError::Length { width, height, found: rgb.len() };
    if rgb.len() != pixels * CHANNELS {
        return Err(length);
    }
    ImageBuffer::from_raw(w, h, rgb).ok_or(length)
}

/// Interleaved pixels to channel planes.
fn planes(rgb: &[u8], out: &mut [u8]) {
    let area = out.len() / CHANNELS;
    for (i, pixel) in rgb.chunks_exact(CHANNELS).take(area).enumerate() {
        for (channel, &value) in pixel.iter().enumerate() {
            out[channel * area + i] = value;
        }
    }
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
    fn a_smaller_side_shrinks_the_32_x_32_image() {
        let rgb: Vec<u8> = (0..64 * 48 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let image = to_model_size(&rgb, 64, 48).unwrap();
        assert_eq!(to_side(&rgb, 64, 48, 32).unwrap(), image);
        assert_eq!(to_side(&rgb, 64, 48, 16).unwrap(), shrink(&image, 16));
        let shrunk = shrink(&image, 16);
        assert_eq!(shrunk.len(), 3 * 16 * 16);
        for (large, small) in image.chunks(1024).zip(shrunk.chunks(256)) {
            let mean = |plane: &[u8]| plane.iter().map(|&v| f64::from(v)).sum::<f64>() / plane.len() as f64;
            assert!((mean(large) - mean(small)).abs() < 2.0);
        }
        assert_eq!(to_side(&rgb, 64, 48, 48).unwrap().len(), 3 * 48 * 48);
        assert_eq!(to_side(&rgb, 64, 48, 224).unwrap(), to_imagenet_size(&rgb, 64, 48).unwrap());
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
    fn imagenet_s_middle_keeps_the_proportions() {
        // Red rises by one a column, green by one a row, of pictures whose shorter side is 256 already.
        for [width, height] in [[300, 256], [256, 300], [256, 256]] {
            let ramp = |i: usize| [(i % width % 256) as u8, (i / width % 256) as u8, 7];
            let rgb: Vec<u8> = (0..width * height).flat_map(ramp).collect();
            let out = to_imagenet_size(&rgb, width, height).unwrap();
            let (left, top) = ((width - 256) / 2 + 16, (height - 256) / 2 + 16);
            for [row, column] in [[0, 0], [0, 223], [223, 0], [100, 50]] {
                let at = row * 224 + column;
                assert_eq!(usize::from(out[at]), (left + column) % 256, "{width} x {height}, red of {row}, {column}");
                assert_eq!(usize::from(out[224 * 224 + at]), (top + row) % 256, "{width} x {height}, green");
                assert_eq!(out[2 * 224 * 224 + at], 7);
            }
        }
    }

    #[test]
    fn small_and_very_long_pictures_fill_imagenet_s_square() {
        for [width, height] in [[1, 1], [5, 3], [MAX_SIDE, 1], [1, MAX_SIDE]] {
            let out = to_imagenet_size(&vec![90; 3 * width * height], width, height).unwrap();
            assert_eq!(out, vec![90; 3 * 224 * 224], "{width} x {height}");
        }
        assert!(matches!(to_imagenet_size(&[], 0, 5), Err(ResizeError::Size { .. })));
    }

    #[test]
    fn sizes_that_lie_are_refused_before_allocating() {
        assert!(matches!(to_model_size(&[], 0, 5), Err(ResizeError::Size { .. })));
        assert!(matches!(to_model_size(&[], usize::MAX, 2), Err(ResizeError::Size { .. })));
        assert!(matches!(to_model_size(&[], 1 << 20, 1 << 20), Err(ResizeError::Size { .. })));
        // One pixel high, a million and more wide: few pixels, but between the passes 32 values for each (reported of
        // resizers as memory that grows with the longest side).
        assert!(matches!(to_model_size(&vec![0; 3 << 20], 1 << 20, 1), Err(ResizeError::Size { .. })));
        assert_eq!(to_model_size(&vec![9; 3 * MAX_SIDE], MAX_SIDE, 1).unwrap(), [9; IMAGE_BYTES]);
        assert!(matches!(to_model_size(&[0; 12], 2, 3), Err(ResizeError::Length { found: 12, .. })));
    }
}
