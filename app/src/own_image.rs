//! A person's own image, from a file to the pixels that the model sees.

use crate::unzip::{self, ZipError};
use nsa_core::data::IMAGE_BYTES;
use nsa_core::data::resize::{ResizeError, to_model_size};
use thiserror::Error;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, CanvasRenderingContext2d, ColorSpaceConversion, File, HtmlCanvasElement, HtmlVideoElement, ImageBitmap,
    ImageBitmapOptions, Window,
};

/// Largest file that is read.
pub const MAX_BYTES: f64 = 50e6;
/// Largest width or height.
pub const MAX_SIDE: u32 = 8192;
/// Most pixels: what a good telephone takes.
pub const MAX_PIXELS: u32 = 50_000_000;

/// Why a file gives no image.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ImageError {
    /// Too many bytes.
    #[error("The file has {0:.0} MB: choose one of at most 50 MB.")]
    Bytes(f64),
    /// The browser cannot read it.
    #[error("The browser cannot read this as an image: choose a PNG, JPEG, WebP or GIF.")]
    Format,
    /// A zip keeps it in a way that browsers do not unpack.
    #[error(
        "It is damaged, locked, or packed in a way that browsers do not unpack: unpack the zip and drop the image."
    )]
    Packed,
    /// The format of iPhones, which this browser cannot read.
    #[error(
        "This is a HEIC picture, as iPhones take them, and this browser cannot read those: on the iPhone share it as \
         JPEG (Settings, Camera, Formats, Most Compatible), on a Mac export it as JPEG, then drop it again."
    )]
    Heic,
    /// Too many pixels.
    #[error("The image has {width} x {height} pixels: make it smaller than 8192 a side and 50 million in all.")]
    Size {
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
    },
    /// The browser would not give the pixels.
    #[error("The browser did not hand out the image's pixels: close other tabs and try again.")]
    Canvas,
    /// The resizing refused.
    #[error("The image cannot be resized: {0}.")]
    Resize(#[from] ResizeError),
}

/// The images in a file: itself, or what a zip holds of them, each with its name.
///
/// # Errors
/// A zip that cannot be read. What is wrong with one image is said in its place.
pub async fn read_all(file: &File) -> Result<Vec<(String, Result<[u8; IMAGE_BYTES], ImageError>)>, ZipError> {
    if !file.name().to_ascii_lowercase().ends_with(".zip") {
        return Ok(vec![(file.name(), read(file).await)]);
    }
    let mut found = Vec::new();
    for entry in unzip::entries(file).await?.into_iter().filter(|entry| is_image_name(&entry.name)) {
        let size = f64::from(entry.size);
        let read = match size > MAX_BYTES {
            true => Err(ImageError::Bytes(size / 1e6)),
            false => match unzip::unpack(file, &entry).await {
                Some(blob) => read(&blob).await,
                None => Err(ImageError::Packed),
            },
        };
        found.push((entry.name, read));
    }
    Ok(found)
}

/// Whether a file in a zip or folder is an image, by its name.
pub fn is_image_name(name: &str) -> bool {
    let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase()).unwrap_or_default();
    ["png", "jpg", "jpeg", "jfif", "webp", "gif", "bmp", "avif", "heic", "heif"].contains(&end.as_str())
}

/// Decodes a file at its natural size, lays it on white and resizes it as the command line does.
pub async fn read(file: &Blob) -> Result<[u8; IMAGE_BYTES], ImageError> {
    if file.size() > MAX_BYTES {
        return Err(ImageError::Bytes(file.size() / 1e6));
    }
    let window = web_sys::window().ok_or(ImageError::Canvas)?;
    let bitmap = match decode(&window, file).await {
        Ok(bitmap) => bitmap,
        Err(_) if is_heic(&head(file).await) => return Err(ImageError::Heic),
        Err(_) => return Err(ImageError::Format),
    };
    let (width, height) = (bitmap.width(), bitmap.height());
    let rgb = check_size(width, height).and_then(|()| rgb_on_white(&bitmap).map_err(|_| ImageError::Canvas));
    bitmap.close();
    Ok(to_model_size(&rgb?, width as usize, height as usize)?)
}

/// The middle of what a camera shows, as a square; not mirrored, whatever the preview does.
pub fn from_video(video: &HtmlVideoElement) -> Result<[u8; IMAGE_BYTES], ImageError> {
    let side = video.video_width().min(video.video_height()).min(MAX_SIDE);
    if side == 0 {
        return Err(ImageError::Canvas);
    }
    let grab = || -> Result<Vec<u8>, JsValue> {
        let (canvas, context) = white_canvas(side, side)?;
        let (left, top) = ((video.video_width() - side) / 2, (video.video_height() - side) / 2);
        let (left, top, size) = (f64::from(left), f64::from(top), f64::from(side));
        context.draw_image_with_html_video_element_and_sw_and_sh_and_dx_and_dy_and_dw_and_dh(
            video, left, top, size, size, 0.0, 0.0, size, size,
        )?;
        rgb(&canvas, &context)
    };
    let pixels = grab().map_err(|_| ImageError::Canvas)?;
    Ok(to_model_size(&pixels, side as usize, side as usize)?)
}

async fn decode(window: &Window, file: &Blob) -> Result<ImageBitmap, JsValue> {
    let options = ImageBitmapOptions::new();
    // The file's own values: colour profiles would change them, and other programs do not apply them.
    options.set_color_space_conversion(ColorSpaceConversion::None);
    let promise = window.create_image_bitmap_with_blob_and_image_bitmap_options(file, &options)?;
    JsFuture::from(promise).await?.dyn_into()
}

/// The first bytes of a file; none of one that cannot be read.
async fn head(file: &Blob) -> Vec<u8> {
    let Ok(start) = file.slice_with_i32_and_i32(0, 32) else { return Vec::new() };
    let bytes = JsFuture::from(start.array_buffer()).await;
    bytes.map_or(Vec::new(), |bytes| js_sys::Uint8Array::new(&bytes).to_vec())
}

/// Whether bytes begin as a HEIC file does: a box `ftyp` with one of the brands of ISO/IEC 23008-12.
fn is_heic(head: &[u8]) -> bool {
    let brand = head.get(4..12).and_then(|bytes| bytes.strip_prefix(b"ftyp"));
    brand.is_some_and(|brand| {
        [b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"mif1", b"msf1"].iter().any(|b| *b == brand)
    })
}

fn check_size(width: u32, height: u32) -> Result<(), ImageError> {
    let fits = (1..=MAX_SIDE).contains(&width) && (1..=MAX_SIDE).contains(&height) && width * height <= MAX_PIXELS;
    if fits { Ok(()) } else { Err(ImageError::Size { width, height }) }
}

fn rgb_on_white(bitmap: &ImageBitmap) -> Result<Vec<u8>, JsValue> {
    let (canvas, context) = white_canvas(bitmap.width(), bitmap.height())?;
    context.draw_image_with_image_bitmap(bitmap, 0.0, 0.0)?;
    rgb(&canvas, &context)
}

fn white_canvas(width: u32, height: u32) -> Result<(HtmlCanvasElement, CanvasRenderingContext2d), JsValue> {
    let document = web_sys::window().and_then(|w| w.document()).ok_or(JsValue::NULL)?;
    let canvas: HtmlCanvasElement = document.create_element("canvas")?.dyn_into()?;
    canvas.set_width(width);
    canvas.set_height(height);
    let context: CanvasRenderingContext2d = canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into()?;
    context.set_fill_style_str("white");
    context.fill_rect(0.0, 0.0, width.into(), height.into());
    Ok((canvas, context))
}

fn rgb(canvas: &HtmlCanvasElement, context: &CanvasRenderingContext2d) -> Result<Vec<u8>, JsValue> {
    let rgba = context.get_image_data(0.0, 0.0, canvas.width().into(), canvas.height().into())?.data();
    // Browsers keep a large canvas's memory until it is collected; an empty one holds none.
    canvas.set_width(0);
    Ok(rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telephones_format_is_known_by_its_first_bytes() {
        assert!(is_heic(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"));
        assert!(is_heic(b"\0\0\0\x20ftypmif1"));
        for other in [&b"\0\0\0\x1cftypavif"[..], b"\x89PNG\r\n\x1a\n", b"ftypheic", b"\0\0\0\x18fty", b""] {
            assert!(!is_heic(other));
        }
        let sentence = ImageError::Heic.to_string();
        assert!(sentence.contains("HEIC") && sentence.contains("JPEG"), "{sentence}");
    }

    #[test]
    fn sizes_are_checked_before_pixels_are_asked_for() {
        assert!(check_size(32, 32).is_ok());
        assert!(check_size(8000, 6000).is_ok());
        assert!(check_size(8192, 8192).is_err());
        let error = check_size(9000, 10).unwrap_err().to_string();
        assert!(error.starts_with("The image has 9000 x 10 pixels"), "{error}");
        assert!(check_size(0, 10).is_err());
    }
}
