//! Images to features: the one path that training, the command line and the browser share.

use super::{Network, normalize_pixels};
use crate::data::{CHANNELS, IMAGE_BYTES, SIZE};
use burn::tensor::{Tensor, TensorData, backend::Backend};
use thiserror::Error;

/// Why a batch could not be embedded.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// Pixel bytes are not whole images.
    #[error("pixels must be whole images of {IMAGE_BYTES} bytes, found {0} bytes")]
    Pixels(usize),
    /// No such feature map.
    #[error("layer must be one of {known}, found '{found}'")]
    Layer {
        /// What was asked for.
        found: String,
        /// What there is.
        known: String,
    },
    /// The device failed, or was lost.
    #[error("the device did not finish the batch: {0}")]
    Device(String),
}

/// The feature maps `layers` of one batch of images (`pixels`: n x 3 x 32 x 32 bytes): for each layer, n rows.
///
/// All maps come back in one read, which is what a WebGPU device is slowest at. The network should be in inference
/// mode (on an autodiff backend its batch norms would learn from the images).
pub async fn embed<B: Backend>(
    network: &Network<B>,
    pixels: &[u8],
    layers: &[&str],
    device: &B::Device,
) -> Result<Vec<Vec<f32>>, EmbedError> {
    if pixels.is_empty() || !pixels.len().is_multiple_of(IMAGE_BYTES) {
        return Err(EmbedError::Pixels(pixels.len()));
    }
    if let Some(unknown) = layers.iter().find(|name| !network.knows(name)) {
        return Err(EmbedError::Layer { found: unknown.to_string(), known: network.layer_names().join(", ") });
    }
    let n = pixels.len() / IMAGE_BYTES;
    let floats: Vec<f32> = pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
    let images = Tensor::<B, 4>::from_data(TensorData::new(floats, [n, CHANNELS, SIZE, SIZE]), device);
    let maps = network.features(normalize_pixels(images), layers);
    let dims: Vec<usize> = maps.iter().map(|m| m.dims()[1]).collect();
    let all = Tensor::cat(maps, 1).into_data_async().await.map_err(|e| EmbedError::Device(e.to_string()))?;
    let all = all.convert::<f32>().into_vec::<f32>().map_err(|e| EmbedError::Device(format!("{e:?}")))?;

    let total: usize = dims.iter().sum();
    let mut start = 0;
    let split = dims.iter().map(|dim| {
        let columns = start..start + dim;
        start += dim;
        all.chunks_exact(total).flat_map(|row| row[columns.clone()].iter().copied()).collect()
    });
    Ok(split.collect())
}
