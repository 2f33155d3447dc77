//! Feature maps by name.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// What an image is seen as: a feature map of a network, flat or pooled, or its pixels. In the order of the paper's tables
/// 6-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Layer {
    /// `conv1`..`conv4`: what leaves a block of the encoder, flat.
    Flat(u8),
    /// `conv1-1x1`..`conv4-1x1`: the same averaged over positions.
    Pooled(u8),
    /// `head1`..: what leaves a layer of the projector.
    Head(u8),
    /// `shifts`: what the network says of the image in each of the transformations that its objective knows, see
    /// [`NetworkConfig::own_row`](super::NetworkConfig::own_row).
    Shifts,
    /// `prototypes`: the cosines of the projection with ELSA's prototypes.
    Prototypes,
    /// `pixels`: no map of a network, but what one must beat.
    Pixels,
}

/// A word that names no layer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("layer must be one of conv1 to conv4, conv1-1x1 to conv4-1x1, head1 and so on, found '{0}'")]
pub struct UnknownLayer(String);

impl Layer {
    /// y of section 2.1, as it leaves the encoder.
    pub const EMBEDDING: Self = Self::Pooled(4);
    /// Every block pooled.
    pub const POOLED: [Self; 4] = [Self::Pooled(1), Self::Pooled(2), Self::Pooled(3), Self::Pooled(4)];

    /// Whether the encoder itself gives it.
    pub fn is_conv(self) -> bool {
        matches!(self, Self::Flat(_) | Self::Pooled(_))
    }

    /// Every map of a network whose projector has `heads` layers.
    pub fn all(heads: usize) -> impl Iterator<Item = Self> {
        (1..=4).map(Self::Flat).chain(Self::POOLED).chain((1..=heads as u8).map(Self::Head))
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad`, so that a width given by a table is kept.
        match self {
            Self::Flat(block) => f.pad(&format!("conv{block}")),
            Self::Pooled(block) => f.pad(&format!("conv{block}-1x1")),
            Self::Head(layer) => f.pad(&format!("head{layer}")),
            Self::Shifts => f.pad("shifts"),
            Self::Prototypes => f.pad("prototypes"),
            Self::Pixels => f.pad("pixels"),
        }
    }
}

impl FromStr for Layer {
    type Err = UnknownLayer;

    fn from_str(text: &str) -> Result<Self, UnknownLayer> {
        let others = [Self::Shifts, Self::Prototypes, Self::Pixels];
        let found = Self::all(usize::from(u8::MAX)).chain(others).find(|layer| layer.to_string() == text);
        found.ok_or_else(|| UnknownLayer(text.into()))
    }
}

impl TryFrom<String> for Layer {
    type Error = UnknownLayer;

    fn try_from(text: String) -> Result<Self, UnknownLayer> {
        text.parse()
    }
}

impl From<Layer> for String {
    fn from(layer: Layer) -> Self {
        layer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_others_refused() {
        for layer in Layer::all(3).chain([Layer::Shifts, Layer::Prototypes, Layer::Pixels]) {
            assert_eq!(layer.to_string().parse(), Ok(layer));
            assert_eq!(serde_json::to_value(layer).unwrap(), layer.to_string());
        }
        assert_eq!(Layer::all(2).map(String::from).collect::<Vec<_>>().join(" "), {
            "conv1 conv2 conv3 conv4 conv1-1x1 conv2-1x1 conv3-1x1 conv4-1x1 head1 head2"
        });
        for unknown in
            ["conv0", "conv5", "conv", "head0", "head", "head01", "conv4-2x2", "conv4-1x1-1x1", "conv4-1x1-unit"]
        {
            assert_eq!(unknown.parse::<Layer>(), Err(UnknownLayer(unknown.into())));
        }
        assert!(
            Layer::Flat(4) < Layer::Pooled(1) && Layer::Pooled(4) < Layer::Head(1) && Layer::Head(9) < Layer::Shifts
        );
    }
}
