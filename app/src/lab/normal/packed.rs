//! A person's own images as the browser keeps them, and the name of their bundle.

use super::NormalImage;
use nsa_core::bundle::MAX_NORMAL;
use nsa_core::data::IMAGE_BYTES;
use std::sync::Arc;

/// A title as a bundle's id: small letters, digits and hyphens.
pub fn slug(title: &str) -> String {
    let words = title.to_ascii_lowercase();
    let words = words.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let id: String = words.collect::<Vec<_>>().join("-").chars().take(64).collect();
    if id.is_empty() { "my-normal".into() } else { id.trim_end_matches('-').into() }
}

/// Length of the names as JSON, the names of both kinds, then the pixels of all images.
pub fn pack(normal: &[NormalImage], odd: &[NormalImage]) -> Vec<u8> {
    let names = [normal, odd].map(|images| images.iter().map(|image| image.name.as_str()).collect::<Vec<_>>());
    let names = serde_json::to_vec(&names).expect("texts are always JSON");
    let mut bytes = (names.len() as u32).to_le_bytes().to_vec();
    bytes.extend(names);
    normal.iter().chain(odd).for_each(|image| bytes.extend(image.pixels.iter()));
    bytes
}

/// A name and what the model sees.
type Named = (String, Arc<[u8]>);

/// The normal images and the odd ones that [`pack`] wrote; nothing of what is not whole.
pub fn unpack(bytes: &[u8]) -> [Vec<Named>; 2] {
    let read = || {
        let (length, rest) = bytes.split_first_chunk()?;
        let (names, pixels) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let names: [Vec<String>; 2] = serde_json::from_slice(names).ok()?;
        let whole = names.iter().all(|names| names.len() <= MAX_NORMAL)
            && names.iter().map(Vec::len).sum::<usize>() * IMAGE_BYTES == pixels.len();
        let mut pixels = pixels.chunks_exact(IMAGE_BYTES).map(Arc::from);
        whole.then(|| names.map(|names| names.into_iter().zip(pixels.by_ref()).collect()))
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_an_id() {
        assert_eq!(slug("My mug, the blue one"), "my-mug-the-blue-one");
        assert_eq!(slug("  Ärmel №5 "), "rmel-5");
        assert_eq!(slug("!?"), "my-normal");
        assert!(nsa_core::bundle::is_id(&slug(&"a ".repeat(100))));
    }

    #[test]
    fn kept_images_come_back_and_cut_ones_do_not() {
        let image = |key: u32, value: u8| NormalImage {
            key,
            name: format!("\"{key}\".png"),
            pixels: Arc::from(vec![value; IMAGE_BYTES]),
        };
        let (normal, odd) = ([image(1, 7), image(2, 9)], [image(3, 11)]);
        let bytes = pack(&normal, &odd);
        let back = unpack(&bytes);
        let named = |images: &[NormalImage]| -> Vec<Named> {
            images.iter().map(|i| (i.name.clone(), Arc::clone(&i.pixels))).collect()
        };
        assert_eq!(back, [named(&normal), named(&odd)]);
        for cut in [0, 3, 10, bytes.len() - 1] {
            assert_eq!(unpack(&bytes[..cut]), <[Vec<Named>; 2]>::default(), "{cut}");
        }
    }
}
