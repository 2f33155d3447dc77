//! Where a detector's features of images lie on the hypersphere, for a picture of it.

use super::{DetectError, Detector};
use crate::data::IMAGE_BYTES;
use crate::features::Features;
use crate::sphere::{AngleMap, AnglePoint, Pca3};
use burn::tensor::backend::Backend;

/// Places of images by both of the picture's projections, an image each, in the order given.
#[derive(Debug, Clone, PartialEq)]
pub struct Projection {
    /// Exact angle to the mean direction of the training images, and a direction around it.
    pub places: Vec<AnglePoint>,
    /// The first three principal components.
    pub components: Vec<[f64; 3]>,
    /// Share of the variance along each component, 0 to 1.
    pub explained: [f64; 3],
}

impl<B: Backend> Detector<B> {
    /// Places images (`pixels`: n x 3 x 32 x 32 bytes, `batch` of them embedded at once) by their deepest pooled
    /// encoder output. The angle map is that of the training images in the bank; the principal components are those
    /// of the first `fit` images.
    ///
    /// `known` are images whose place is known from elsewhere, by their position among the `n`: the picture is turned
    /// (or mirrored) around the pole so that they lie as near to it as possible. Their angles stay as they are.
    pub async fn project(
        &self,
        pixels: &[u8],
        batch: usize,
        fit: usize,
        known: &[(usize, AnglePoint)],
    ) -> Result<Projection, DetectError> {
        let (layer, bank) = self.deepest();
        let mut values = Vec::new();
        for some in pixels.chunks(batch.max(1) * IMAGE_BYTES) {
            values.extend(self.embed(some, &[layer]).await?.into_iter().flatten());
        }
        let features = Features::new(pixels.len() / IMAGE_BYTES, bank.parts().mean.len(), values)?;
        let rows = |wanted: &[usize]| features.select(wanted);
        let mut map = AngleMap::fit(&bank.parts().features)?;
        let (at, before): (Vec<usize>, Vec<AnglePoint>) =
            known.iter().filter(|(i, _)| *i < features.n()).copied().unzip();
        if !at.is_empty() {
            map.align(&rows(&at)?, &before)?;
        }
        let pca = Pca3::fit(&rows(&(0..fit.min(features.n())).collect::<Vec<_>>())?)?;
        Ok(Projection { places: map.place(&features)?, components: pca.place(&features)?, explained: pca.explained })
    }
}
