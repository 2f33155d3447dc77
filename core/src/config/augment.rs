//! Settings of the random views (section 3.1).

use super::ConfigError;
use serde::{Deserialize, Serialize};

/// Strengths of the augmentations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct AugmentConfig {
    /// Smallest share of the image's area that a random crop keeps.
    pub crop_min: f32,
    /// Probability of a horizontal flip (0 for digits: a mirrored digit is another sign).
    pub flip: f32,
    /// Probability of colour jitter.
    pub jitter: f32,
    /// Brightness factor is drawn from 1 - b to 1 + b; contrast and saturation likewise.
    pub brightness: f32,
    /// Contrast.
    pub contrast: f32,
    /// Saturation.
    pub saturation: f32,
    /// Hue is turned by up to this share of the circle, either way.
    pub hue: f32,
    /// Probability of turning grey.
    pub grayscale: f32,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            crop_min: 0.2,
            flip: 0.5,
            jitter: 0.8,
            brightness: 0.4,
            contrast: 0.4,
            saturation: 0.4,
            hue: 0.1,
            grayscale: 0.2,
        }
    }
}

impl AugmentConfig {
    /// Checks that probabilities and strengths are in range.
    pub fn check(&self) -> Result<(), ConfigError> {
        let within = |setting, value: f32, low: f32, high: f32, must| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ConfigError { setting, must, found: value.to_string() })
            }
        };
        within("augment.crop-min", self.crop_min, 0.01, 1.0, "0.01 to 1")?;
        within("augment.flip", self.flip, 0.0, 1.0, "0 to 1")?;
        within("augment.jitter", self.jitter, 0.0, 1.0, "0 to 1")?;
        within("augment.brightness", self.brightness, 0.0, 1.0, "0 to 1")?;
        within("augment.contrast", self.contrast, 0.0, 1.0, "0 to 1")?;
        within("augment.saturation", self.saturation, 0.0, 1.0, "0 to 1")?;
        within("augment.hue", self.hue, 0.0, 0.5, "0 to 0.5")?;
        within("augment.grayscale", self.grayscale, 0.0, 1.0, "0 to 1")
    }
}
