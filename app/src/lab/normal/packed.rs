//! A person's own images as the browser keeps them, and the name of their bundle.

use super::NormalImage;
use nsa_core::bundle::MAX_NORMAL;
use nsa_core::data::IMAGE_BYTES;
use std::collections::HashSet;
use std::sync::Arc;

/// A title as a bundle's id: small letters, digits and hyphens.
pub fn slug(title: &str) -> String {
    let words = title.to_ascii_lowercase();
    let words = words.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit()).filter(|word| !word.is_empty());
    let id: String = words.collect::<Vec<_>>().join("-").chars().take(64).collect();
    if id.is_empty() { "my-normal".into() } else { id.trim_end_matches('-').into() }
}

/// A name and what the model sees.
type Named = (String, Arc<[u8]>);

/// The normal images and the odd ones, as they are kept.
pub type Images = [Vec<Named>; 2];

/// Images without their numbers, which are of this tab only.
pub fn named(images: &[NormalImage]) -> Vec<Named> {
    images.iter().map(|image| (image.name.clone(), Arc::clone(&image.pixels))).collect()
}

/// What is to be kept: the images of this tab, and those that another tab has added to what this one has seen. What
/// this tab has taken out stays out.
pub fn merged(own: Images, seen: &Images, theirs: Images) -> Images {
    let known: HashSet<Named> = own.iter().chain(seen).flatten().cloned().collect();
    let mut all = own;
    for (images, theirs) in all.iter_mut().zip(theirs) {
        images.extend(theirs.into_iter().filter(|image| !known.contains(image)));
        images.truncate(MAX_NORMAL);
    }
    all
}

/// Length of the names as JSON, the names of both kinds, then the pixels of all images.
pub fn pack(images: &Images) -> Vec<u8> {
    let names = images.each_ref().map(|images| images.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>());
    let names = serde_json::to_vec(&names).expect("texts are always JSON");
    let mut bytes = (names.len() as u32).to_le_bytes().to_vec();
    bytes.extend(names);
    images.iter().flatten().for_each(|(_, pixels)| bytes.extend(pixels.iter()));
    bytes
}

/// The images that [`pack`] wrote; nothing of what is not whole.
pub fn unpack(bytes: &[u8]) -> Images {
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
        let images = [named(&[image(1, 7), image(2, 9)]), named(&[image(3, 11)])];
        let bytes = pack(&images);
        assert_eq!(unpack(&bytes), images);
        for cut in [0, 3, 10, bytes.len() - 1] {
            assert_eq!(unpack(&bytes[..cut]), Images::default(), "{cut}");
        }
    }

    #[test]
    fn tabs_add_to_what_is_kept_and_take_out_only_what_is_their_own() {
        let image = |name: &str| -> Named { (name.into(), Arc::from(vec![0_u8; 4])) };
        let images = |normal: &[&str], odd: &[&str]| -> Images {
            [normal, odd].map(|names| names.iter().map(|name| image(name)).collect())
        };
        // Both tabs have seen a and b. The other one added x and y; this one took a out, added c, and found b odd.
        let (own, seen, theirs) = (images(&["c"], &["b"]), images(&["a", "b"], &[]), images(&["a", "b", "x"], &["y"]));
        assert_eq!(merged(own.clone(), &seen, theirs), images(&["c", "x"], &["b", "y"]));
        assert_eq!(merged(own.clone(), &seen, Images::default()), own, "forgotten by the other tab");
        assert_eq!(merged(Images::default(), &seen, seen.clone()), Images::default(), "all taken out");
        let many: Vec<Named> = (0..MAX_NORMAL).map(|i| image(&i.to_string())).collect();
        let [normal, _] = merged([many.clone(), vec![]], &Images::default(), images(&["x"], &[]));
        assert_eq!(normal, many, "more could not be read again");
    }
}
