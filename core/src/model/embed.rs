//! Images to features: the one path that training, the command line and the browser share.

use super::{Layer, Network};
use crate::data::{CHANNELS, ImageSet};
use crate::features::{FeatureError, Features};
use burn::tensor::{Tensor, TensorData, backend::Backend};
use thiserror::Error;

/// Why a batch could not be embedded.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// Pixel bytes are not whole images.
    #[error("pixels must be whole images of {image} bytes, found {found} bytes")]
    Pixels {
        /// Bytes an image has.
        image: usize,
        /// Bytes found.
        found: usize,
    },
    /// No such feature map.
    #[error("layer must be one of {known}, found '{found}'")]
    Layer {
        /// What was asked for.
        found: Layer,
        /// What there is.
        known: String,
    },
    /// The device failed, or was lost.
    #[error("the device did not finish the batch: {0}")]
    Device(String),
    /// The network gives features that are not finite, or there were no images.
    #[error(transparent)]
    Features(#[from] FeatureError),
}

impl EmbedError {
    pub(super) fn unknown(found: Layer, known: impl IntoIterator<Item = Layer>) -> Self {
        let known: Vec<String> = known.into_iter().map(String::from).collect();
        Self::Layer { found, known: known.join(", ") }
    }
}

/// The feature maps `layers` of one batch of images (`pixels`: n x 3 x `side` x `side` bytes): for each layer, n rows.
///
/// All maps come back in one read, which is what a WebGPU device is slowest at. The network should be in inference
/// mode (on an autodiff backend its batch norms would learn from the images).
pub async fn embed<B: Backend>(
    network: &Network<B>,
    pixels: &[u8],
    side: usize,
    layers: &[Layer],
    device: &B::Device,
) -> Result<Vec<Vec<f32>>, EmbedError> {
    embed_by(Network::features, network, pixels, side, layers, device).await
}

/// [`Network::features`], or [`Network::maps`], which a program can be linked with alone.
pub type FeaturesOf<B> = fn(&Network<B>, Tensor<B, 4>, &[Layer]) -> Vec<Tensor<B, 2>>;

/// [`embed`] where one of the two is given.
pub async fn embed_by<B: Backend>(
    features: FeaturesOf<B>,
    network: &Network<B>,
    pixels: &[u8],
    side: usize,
    layers: &[Layer],
    device: &B::Device,
) -> Result<Vec<Vec<f32>>, EmbedError> {
    let image = CHANNELS * side * side;
    if pixels.is_empty() || !pixels.len().is_multiple_of(image) {
        return Err(EmbedError::Pixels { image, found: pixels.len() });
    }
    if let Some(&unknown) = layers.iter().find(|layer| !network.knows(**layer)) {
        return Err(EmbedError::unknown(unknown, network.layers()));
    }
    let n = pixels.len() / image;
    let floats: Vec<f32> = pixels.iter().map(|&p| f32::from(p) / 255.0).collect();
    let images = Tensor::<B, 4>::from_data(TensorData::new(floats, [n, CHANNELS, side, side]), device);
    let maps = features(network, network.pixels().apply(images), layers);
    let dims: Vec<usize> = maps.iter().map(|m| m.dims()[1]).collect();
    let all = read_back(Tensor::cat(maps, 1)).await?;

    let total: usize = dims.iter().sum();
    let mut start = 0;
    let split = dims.iter().map(|dim| {
        let columns = start..start + dim;
        start += dim;
        all.chunks_exact(total).flat_map(|row| row[columns.clone()].iter().copied()).collect()
    });
    Ok(split.collect())
}

/// The values of a tensor from its device.
pub(super) async fn read_back<B: Backend>(tensor: Tensor<B, 2>) -> Result<Vec<f32>, EmbedError> {
    let data = tensor.into_data_async().await.map_err(|e| EmbedError::Device(e.to_string()))?;
    data.convert::<f32>().into_vec::<f32>().map_err(|e| EmbedError::Device(format!("{e:?}")))
}

/// Features of all `images` at `layers`, one matrix a layer, embedded in batches of `batch`. After each batch `pause` is
/// told how many images are done; a page that waits gets its turn there.
pub async fn embed_all<B: Backend>(
    network: &Network<B>,
    images: &ImageSet,
    layers: &[Layer],
    batch: usize,
    device: &B::Device,
    mut pause: impl AsyncFnMut(usize),
) -> Result<Vec<Features>, EmbedError> {
    let mut columns: Vec<Vec<f32>> = vec![Vec::new(); layers.len()];
    let image = images.image_bytes();
    for pixels in images.pixels().chunks(batch.max(1) * image) {
        let embedded = embed(network, pixels, images.side(), layers, device).await?;
        for (column, values) in columns.iter_mut().zip(embedded) {
            column.extend(values);
        }
        pause(pixels.len() / image).await;
    }
    let n = images.len();
    columns.into_iter().map(|values| Ok(Features::new(n, values.len() / n.max(1), values)?)).collect()
}
