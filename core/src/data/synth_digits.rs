//! `synth-digits`, the built-in data set: house numbers drawn by a program.
//!
//! Each image is a 32 x 32 crop around one digit, as SVHN's are: its strokes vary in shape, thickness, slant,
//! place and colour, the wall behind it has a texture, and neighbours of the same lettering are cut off at the
//! left and right. Nothing is downloaded, and the pixels are the same on every machine, native or wasm: only
//! integers, IEEE basic arithmetic, square roots and `libm`'s cosine are used, in a fixed order.
//!
//! ```
//! use nsa_core::data::{Split, synth_digits};
//! let seven = synth_digits::image(synth_digits::SEED, Split::Test, 7, 0);
//! assert_eq!(seven.len(), 3 * 32 * 32);
//! ```

mod backdrop;
mod glyphs;
mod stroke;

use super::{IMAGE_BYTES, ImageSet, SIZE, Split};
use crate::rng::Rng;
use backdrop::{Canvas, colour, from_centre, mix, smooth};
use sha2::{Digest, Sha256};
use stroke::{Distances, FAR, Hand};

/// The seed of the published data set. Seeds of training runs are another matter: they never change the images.
pub const SEED: u64 = 1;
/// Training images of each digit. As many as CIFAR-10 has.
pub const TRAIN_PER_CLASS: usize = 5000;
/// Test images of each digit.
pub const TEST_PER_CLASS: usize = 200;
/// Names of the classes, by label.
pub const CLASSES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
/// What [`checksum`] gives on every machine.
pub const CHECKSUM: &str = "6bb42d62ab442fb9f182f23419adfe1a86a0f4c699c3d88c6b1db493aaaad5af";

/// Image `index` of digit `class` (0..10; larger numbers wrap): planes of red, green and blue, 32 x 32 each.
///
/// Every image has a random stream of its own, so any of them can be drawn alone, in any order.
pub fn image(seed: u64, split: Split, class: u8, index: usize) -> [u8; IMAGE_BYTES] {
    let digit = class % 10;
    let part = match split {
        Split::Train => 0,
        Split::Test => 1,
    };
    let mut rng = Rng::new(seed, "synth-digits", &[part, u64::from(digit), index as u64]);

    let hand = Hand::draw(&mut rng);
    let mut distances: Distances = [FAR; SIZE * SIZE];
    letter(&hand, digit, &mut distances, &mut rng);

    // Ink lighter than the wall, or (one plate in five) darker, by more or less: faded paint, white enamel.
    let contrast = rng.range(0.4, 0.7);
    let lighter = rng.chance(0.8);
    let wall_light = if lighter { rng.range(0.1, 0.9 - contrast) } else { rng.range(0.1 + contrast, 0.9) };
    let ink_light = if lighter { wall_light + contrast } else { wall_light - contrast };
    let wall = colour(wall_light, house_hue(&mut rng), rng.range(0.0, 0.3));
    let vivid = if rng.chance(0.3) { rng.range(0.2, 0.6) } else { rng.range(0.0, 0.14) };
    let ink = colour(ink_light, house_hue(&mut rng), vivid);

    let mut canvas: Canvas = [wall; SIZE * SIZE];
    backdrop::paint(&mut canvas, wall, contrast * rng.range(0.02, 0.15), &mut rng);
    lay_ink(&mut canvas, &distances, ink, &mut rng);
    light(&mut canvas, &mut rng);
    develop(&canvas, &mut rng)
}

/// Image `i` of the set that [`generate`] makes, alone.
pub fn nth(seed: u64, split: Split, i: usize) -> [u8; IMAGE_BYTES] {
    image(seed, split, label(i), i / CLASSES.len())
}

/// The label of image `i`.
pub fn label(i: usize) -> u8 {
    (i % CLASSES.len()) as u8
}

/// A balanced set of `10 * per_class` images: image `i` shows digit `i % 10` and is that digit's number `i / 10`,
/// so that every prefix is (nearly) balanced too.
pub fn generate(seed: u64, split: Split, per_class: usize) -> ImageSet {
    let n = CLASSES.len() * per_class;
    let mut pixels = Vec::with_capacity(n * IMAGE_BYTES);
    let labels: Vec<u8> = (0..n).map(label).collect();
    for i in 0..n {
        pixels.extend_from_slice(&nth(seed, split, i));
    }
    ImageSet { side: SIZE, pixels, labels, classes: CLASSES.map(String::from).to_vec() }
}

/// The images at `indices` of the set that [`generate`] makes, without drawing the others.
pub fn select(seed: u64, split: Split, indices: &[usize]) -> ImageSet {
    ImageSet {
        side: SIZE,
        pixels: indices.iter().flat_map(|&i| nth(seed, split, i)).collect(),
        labels: indices.iter().map(|&i| label(i)).collect(),
        classes: CLASSES.map(String::from).to_vec(),
    }
}

/// The labels of a whole part of the published set.
pub fn labels(split: Split) -> Vec<u8> {
    let per_class = match split {
        Split::Train => TRAIN_PER_CLASS,
        Split::Test => TEST_PER_CLASS,
    };
    (0..CLASSES.len() * per_class).map(label).collect()
}

/// SHA-256 of the pixels of the first 200 test images, in hexadecimal: it must be [`CHECKSUM`] everywhere.
pub fn checksum() -> String {
    let digest = Sha256::digest(generate(SEED, Split::Test, 20).pixels());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hue of bricks and wood, of sky and paint, seldom of anything else.
fn house_hue(rng: &mut Rng) -> f32 {
    match rng.below(10) {
        0..=4 => rng.range(0.0, 0.14),
        5..=7 => rng.range(0.54, 0.68),
        8 => rng.range(0.25, 0.4),
        _ => rng.unit(),
    }
}

/// Writes the digit near the middle, and neighbours on both, one or no side.
fn letter(hand: &Hand, digit: u8, distances: &mut Distances, rng: &mut Rng) {
    let half = SIZE as f32 / 2.0;
    let centre = (half + rng.range(-1.6, 1.6), half + rng.range(-1.4, 1.4));
    hand.write(digit, centre, distances, rng);
    let (ex, ey) = hand.baseline();
    for side in [-1.0, 1.0] {
        if rng.chance(0.2) {
            let step = side * (hand.width + 2.0 * hand.radius + rng.range(1.2, 4.5)).max(12.5);
            hand.write(rng.below(10) as u8, (centre.0 + step * ex, centre.1 + step * ey), distances, rng);
        }
    }
}

/// Covers the strokes with ink; some plates have a shadow beside it or an outline around it.
fn lay_ink(canvas: &mut Canvas, distances: &Distances, ink: [f32; 3], rng: &mut Rng) {
    let soft = rng.range(0.45, 0.95);
    let fade = rng.range(-0.12, 0.12);
    let shadow = if rng.chance(0.15) { rng.range(0.3, 0.7) } else { 0.0 };
    let fall = (1 + rng.below(2), 1 + rng.below(2));
    let outline = if rng.chance(0.1) { rng.range(0.3, 0.8) } else { 0.0 };
    let outline_ink = if ink[1] > 0.5 { [0.06; 3] } else { [0.94; 3] };
    for (i, pixel) in canvas.iter_mut().enumerate() {
        let (x, y) = (i % SIZE, i / SIZE);
        if x >= fall.0 && y >= fall.1 {
            let cast = distances[(y - fall.1) * SIZE + x - fall.0];
            *pixel = mix(*pixel, [0.05; 3], shadow * (1.0 - smooth(-1.0, 1.4, cast)));
        }
        *pixel = mix(*pixel, outline_ink, outline * (1.0 - smooth(0.7, 1.7, distances[i])));
        let worn = ink.map(|c| (c + fade * (y as f32 / SIZE as f32 - 0.5) * 2.0).clamp(0.0, 1.0));
        *pixel = mix(*pixel, worn, 1.0 - smooth(-soft, soft, distances[i]));
    }
}

/// Light that changes over the picture, and at times the edge of a shadow across it.
fn light(canvas: &mut Canvas, rng: &mut Rng) {
    let angle = rng.range(0.0, std::f32::consts::TAU);
    let (ex, ey) = (libm::cosf(angle), libm::sinf(angle));
    let slope = rng.range(0.0, 0.012);
    let dark = if rng.chance(0.1) { rng.range(0.15, 0.4) } else { 0.0 };
    let edge = rng.range(-10.0, 10.0);
    for (i, pixel) in canvas.iter_mut().enumerate() {
        let (x, y) = from_centre(i);
        let along = x * ex + y * ey;
        let gain = (1.0 + slope * along) * (1.0 - dark * smooth(-1.5, 1.5, along - edge));
        *pixel = pixel.map(|c| c * gain);
    }
}

/// The camera: a little blur, a little noise, then bytes in channel planes.
fn develop(canvas: &Canvas, rng: &mut Rng) -> [u8; IMAGE_BYTES] {
    let blur = if rng.chance(0.5) { rng.range(0.1, 0.4) } else { 0.0 };
    let noise = rng.range(0.004, 0.016);
    let mut pixels = [0; IMAGE_BYTES];
    for i in 0..SIZE * SIZE {
        let (x, y) = (i % SIZE, i / SIZE);
        let around = [
            canvas[y * SIZE + x.saturating_sub(1)],
            canvas[y * SIZE + (x + 1).min(SIZE - 1)],
            canvas[y.saturating_sub(1) * SIZE + x],
            canvas[(y + 1).min(SIZE - 1) * SIZE + x],
        ];
        // Two uniform values make a triangle: close enough to a sensor's noise, and exact.
        let grey = (rng.unit() + rng.unit() - 1.0) * noise * 2.0;
        for (channel, plane) in pixels.chunks_exact_mut(SIZE * SIZE).enumerate() {
            let mean = (around[0][channel] + around[1][channel] + around[2][channel] + around[3][channel]) * 0.25;
            let value = canvas[i][channel] + (mean - canvas[i][channel]) * blur;
            let own = (rng.unit() - 0.5) * noise;
            // The cast cuts off what is out of range.
            plane[i] = ((value + grey + own) * 255.0 + 0.5) as u8;
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_the_published_ones() {
        assert_eq!(checksum(), CHECKSUM);
    }

    #[test]
    fn an_image_can_be_drawn_alone() {
        let set = generate(SEED, Split::Train, 3);
        assert_eq!(set.len(), 30);
        assert_eq!(set.labels()[17], 7);
        assert_eq!(set.image(17), image(SEED, Split::Train, 7, 1));
        assert_eq!(select(SEED, Split::Train, &[17, 2]), set.select(&[17, 2]));
        assert_eq!(labels(Split::Train)[..30], *set.labels());
    }

    #[test]
    fn images_differ_by_split_class_index_and_seed() {
        let one = image(SEED, Split::Train, 1, 0);
        assert_ne!(one, image(SEED, Split::Test, 1, 0));
        assert_ne!(one, image(SEED, Split::Train, 2, 0));
        assert_ne!(one, image(SEED, Split::Train, 1, 1));
        assert_ne!(one, image(SEED + 1, Split::Train, 1, 0));
    }

    #[test]
    fn no_image_is_flat() {
        let set = generate(SEED, Split::Test, 20);
        for i in 0..set.len() {
            let green = &set.image(i)[SIZE * SIZE..2 * SIZE * SIZE];
            let (low, high) = (green.iter().min().unwrap(), green.iter().max().unwrap());
            assert!(high - low > 30, "image {i} spans only {low}..{high}");
        }
    }
}
