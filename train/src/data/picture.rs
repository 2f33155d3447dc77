//! A picture from its file to the pixels that a browser shows of it: upright, on white, its first frame, and only if
//! all of it is there. One way for every command, so that a score here is the score in the page.

use super::{jpeg, png};
use image::codecs::png::PngDecoder;
use image::metadata::Orientation;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use nsa_core::data::resize::{ResizeError, check_size, to_side};
use std::io::Cursor;
use thiserror::Error;

/// Bytes one image file may have.
pub(super) const MAX_FILE: u64 = 64 << 20;
/// Bytes that the pixels of one image may take as they are decoded: 64 megapixels of RGBA.
const MAX_DECODED: u64 = 256 << 20;

/// Why a file gives no picture.
#[derive(Debug, Error)]
pub enum PictureError {
    /// A format that is known, but not read.
    #[error("{0}")]
    Unread(&'static str),
    /// None that is known.
    #[error("neither PNG, JPEG, WebP, GIF nor BMP")]
    Unknown,
    /// The end is missing.
    #[error("a file that is cut off: its end is missing")]
    Cut,
    /// Too wide, too high, or nothing.
    #[error(transparent)]
    Size(#[from] ResizeError),
    /// Too much memory for its pixels.
    #[error("{width} x {height} pixels that take {bytes} bytes: at most {MAX_DECODED} are decoded; make it smaller")]
    Bytes {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Bytes of all of them.
        bytes: u64,
    },
    /// Something inside is wrong.
    #[error("a file that is broken: {0}")]
    Broken(#[from] ImageError),
}

/// Planes of `3 x side x side` of an image file: at 224 its middle is cut out, else the whole picture is squeezed into
/// the square.
pub fn planes(bytes: &[u8], side: usize) -> Result<Vec<u8>, PictureError> {
    let picture = decode(bytes)?;
    Ok(to_side(picture.as_raw(), picture.width() as usize, picture.height() as usize, side)?)
}

/// The picture at its own size.
fn decode(bytes: &[u8]) -> Result<RgbImage, PictureError> {
    if let Some(what) = unread(bytes) {
        return Err(PictureError::Unread(what));
    }
    let format = image::guess_format(bytes).map_err(|_| PictureError::Unknown)?;
    let mut hidden = false;
    let whole = match format {
        ImageFormat::Jpeg => jpeg::is_whole(bytes),
        ImageFormat::Png => {
            let chunks = png::Chunks::of(bytes);
            hidden = chunks.default_image_is_hidden();
            chunks.whole
        }
        ImageFormat::WebP => riff_is_whole(bytes),
        ImageFormat::Gif | ImageFormat::Bmp => true,
        _ => return Err(PictureError::Unknown),
    };
    if !whole {
        return Err(PictureError::Cut);
    }
    if format == ImageFormat::Jpeg && jpeg::has_coarse_brightness(bytes) {
        return Err(PictureError::Unread(
            "a JPEG whose brightness is sampled more coarsely than its colours, which is not read: save it again as PNG",
        ));
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    if hidden {
        let mut decoder = PngDecoder::with_limits(Cursor::new(bytes), limits.clone())?;
        let orientation = checked(&mut decoder, format)?;
        decoder.set_limits(limits)?;
        let frame = decoder.apng()?.into_frames().next().ok_or(PictureError::Cut)??;
        return Ok(shown(DynamicImage::ImageRgba8(frame.into_buffer()), orientation, format));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = checked(&mut decoder, format)?;
    Ok(shown(DynamicImage::from_decoder(decoder)?, orientation, format))
}

/// What is known before a pixel is decoded: that there are not too many, and how the picture is turned.
fn checked(decoder: &mut impl ImageDecoder, format: ImageFormat) -> Result<Orientation, PictureError> {
    let (width, height) = decoder.dimensions();
    check_size(width as usize, height as usize)?;
    let bytes = decoder.total_bytes();
    if bytes > MAX_DECODED {
        return Err(PictureError::Bytes { width, height, bytes });
    }
    // Chromium turns JPEG and PNG, but not WebP, by their EXIF.
    Ok(if [ImageFormat::Jpeg, ImageFormat::Png].contains(&format) {
        decoder.orientation().unwrap_or(Orientation::NoTransforms)
    } else {
        Orientation::NoTransforms
    })
}

fn shown(mut picture: DynamicImage, orientation: Orientation, format: ImageFormat) -> RgbImage {
    picture.apply_orientation(orientation);
    on_white(picture, format)
}

/// Lays a picture on white, with the rounding of a canvas: colours times their opacity, and then what white adds.
fn on_white(picture: DynamicImage, format: ImageFormat) -> RgbImage {
    if !picture.color().has_alpha() {
        return picture.into_rgb8();
    }
    let (width, height) = (picture.width(), picture.height());
    let mut bytes = picture.into_rgba8().into_raw();
    // A BMP that is transparent all over was written by a program that knows of no opacity.
    let opaque = format == ImageFormat::Bmp && bytes.iter().skip(3).step_by(4).all(|&alpha| alpha == 0);
    let pixels = bytes.len() / 4;
    for at in 0..pixels {
        let alpha = if opaque { 255 } else { bytes[4 * at + 3] };
        for channel in 0..3 {
            bytes[3 * at + channel] = times(bytes[4 * at + channel], alpha) + (255 - alpha);
        }
    }
    bytes.truncate(3 * pixels);
    RgbImage::from_raw(width, height, bytes).expect("three bytes a pixel are left of four")
}

/// `a b / 255`, rounded.
fn times(a: u8, b: u8) -> u8 {
    let product = u32::from(a) * u32::from(b) + 128;
    ((product + (product >> 8)) >> 8) as u8
}

/// Whether a WebP file is as long as it says.
fn riff_is_whole(bytes: &[u8]) -> bool {
    let length = bytes.get(4..8).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    length.is_some_and(|length| length <= bytes.len() - 8)
}

/// What a file is that browsers or telephones know, and this program does not.
fn unread(bytes: &[u8]) -> Option<&'static str> {
    const BRANDS: usize = 8;
    let brand = if bytes.get(4..BRANDS) == Some(b"ftyp") { bytes.get(BRANDS..BRANDS + 4) } else { None };
    let text = bytes.trim_ascii_start();
    let begins = |starts: &[&[u8]]| {
        starts.iter().any(|start| text.get(..start.len()).is_some_and(|t| t.eq_ignore_ascii_case(start)))
    };
    Some(match brand {
        Some(b"avif" | b"avis") => "AVIF, which is not read: convert it to PNG or JPEG",
        Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => {
            "HEIC, a telephone's format, which is not read: convert it to JPEG"
        }
        Some(_) => "a video, which is not read: pass a picture",
        None if bytes.starts_with(b"\xff\x0a") || bytes.starts_with(b"\0\0\0\x0cJXL ") => {
            "JPEG XL, which is not read: convert it to PNG or JPEG"
        }
        None if bytes.starts_with(b"\0\0\0\x0cjP  ") || bytes.starts_with(b"\xff\x4f\xff\x51") => {
            "JPEG 2000, which is not read: convert it to PNG or JPEG"
        }
        None if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") => {
            "TIFF, which browsers do not show: convert it to PNG"
        }
        None if bytes.starts_with(b"\0\0\x01\0") => {
            "an icon of several pictures (ICO), which is not read: convert it to PNG"
        }
        None if begins(&[b"<!doctype html", b"<html"]) => "a web page: its address gave no picture",
        None if begins(&[b"<svg", b"<?xml"]) => "SVG, a drawing without pixels: convert it to PNG",
        None if begins(&[b"version https://git-lfs"]) => "a pointer of Git LFS: fetch the file with `git lfs pull`",
        None => return None,
    })
}

#[cfg(test)]
mod tests;
