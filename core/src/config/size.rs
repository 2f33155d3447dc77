//! Sizes of images.

/// Height and width of the images that the models take, those with ImageNet's stem aside.
pub const SIZE: usize = 32;
/// Colour channels of every image.
pub const CHANNELS: usize = 3;
/// Bytes of one image of that size: 3 x 32 x 32.
pub const IMAGE_BYTES: usize = CHANNELS * SIZE * SIZE;
/// Height and width of the images that networks with ImageNet's stem take.
pub const IMAGENET_SIZE: usize = 224;

/// Sides that [`is_side`] takes, in words.
pub const SIDES: &str = "a multiple of 8 from 16 to 128, or 224";

/// Whether images of this height and width can be trained on.
pub fn is_side(side: usize) -> bool {
    side == IMAGENET_SIZE || ((16..=128).contains(&side) && side.is_multiple_of(8))
}
