//! Every setting of a training run, in one type that is saved with the run and read back from it.

use super::{Norm, Objective};
use crate::augment::AugmentConfig;
use crate::model::{NetworkConfig, Stem};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One training run. Defaults are the paper's where it gives them, else the field's (see `docs/method.md`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrainConfig {
    /// Data set name, as `nsa data list` gives it.
    pub dataset: String,
    /// The in-distribution class.
    pub id_class: usize,
    /// What is optimised.
    pub objective: Objective,
    /// Where features are normalised.
    pub norm: Norm,
    /// Share of the training set that is outliers, 0 to below 1.
    pub pollution: f32,
    /// Height and width of the images: 32, or 224 with ImageNet's stem (as for ImageNet30).
    pub image_size: usize,
    /// Base width of the ResNet-18: 64 in the paper, 16 and below for CPU and browser.
    pub width: usize,
    /// Passes over the training set; 0 leaves the encoder at its random weights, to compare with.
    pub epochs: usize,
    /// Images a step (two views of each).
    pub batch: usize,
    /// Peak learning rate of Adam, decayed to 0 by a cosine.
    pub lr: f64,
    /// SimCLR's temperature.
    pub temperature: f32,
    /// Share of itself that BYOL's target network keeps in a step, at first; it rises to 1 by a cosine.
    pub ema_momentum: f64,
    /// Use at most this many images of the class (0: all).
    pub limit: usize,
    /// Evaluate every so many epochs (and before the first and after the last).
    pub eval_every: usize,
    /// Evaluate on at most this many training images, training images of other classes (for the probes of quality), ID
    /// test and OOD test images each (final figures use all).
    pub eval_limit: usize,
    /// Seed of everything random.
    pub seed: u64,
    /// The random views.
    pub augment: AugmentConfig,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            dataset: "synth-digits".into(),
            id_class: 3,
            objective: Objective::Simsiam,
            norm: Norm::Both,
            pollution: 0.0,
            image_size: Stem::Cifar.side(),
            width: 16,
            epochs: 100,
            batch: 64,
            lr: 1e-4,
            temperature: 0.5,
            ema_momentum: 0.99,
            limit: 0,
            eval_every: 5,
            eval_limit: 1000,
            seed: 0,
            augment: AugmentConfig::default(),
        }
    }
}

/// A setting outside its range.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{setting} must be {must}, found {found}")]
pub struct ConfigError {
    /// The setting's name, as on the command line.
    pub setting: &'static str,
    /// What must hold.
    pub must: &'static str,
    /// What was found.
    pub found: String,
}

impl TrainConfig {
    /// The network that this run trains.
    pub fn network(&self) -> NetworkConfig {
        let stem = if self.image_size == Stem::Imagenet.side() { Stem::Imagenet } else { Stem::Cifar };
        NetworkConfig { width: self.width, objective: self.objective, norm: self.norm, stem }
    }

    /// Checks every range, so that a run cannot fail hours later on a setting that was wrong from the start.
    pub fn check(&self) -> Result<(), ConfigError> {
        let require = |holds: bool, setting, must, found: String| {
            if holds { Ok(()) } else { Err(ConfigError { setting, must, found }) }
        };
        let sides = [Stem::Cifar, Stem::Imagenet].map(Stem::side);
        require(sides.contains(&self.image_size), "image-size", "32 or 224", self.image_size.to_string())?;
        require((1..=256).contains(&self.width), "width", "1 to 256", self.width.to_string())?;
        require(self.epochs <= 100_000, "epochs", "at most 100000", self.epochs.to_string())?;
        require((2..=65_536).contains(&self.batch), "batch", "2 to 65536", self.batch.to_string())?;
        require(self.lr > 0.0 && self.lr <= 10.0, "lr", "above 0, at most 10", self.lr.to_string())?;
        let p = self.pollution;
        require((0.0..1.0).contains(&p), "pollution", "at least 0 and below 1", p.to_string())?;
        let t = self.temperature;
        require(t > 0.0 && t <= 10.0, "temperature", "above 0, at most 10", t.to_string())?;
        let m = self.ema_momentum;
        require((0.0..=1.0).contains(&m), "ema-momentum", "0 to 1", m.to_string())?;
        require(self.eval_every >= 1, "eval-every", "at least 1", self.eval_every.to_string())?;
        require(self.eval_limit >= 2, "eval-limit", "at least 2", self.eval_limit.to_string())?;
        self.augment.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_and_survive_json() {
        let config = TrainConfig::default();
        config.check().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<TrainConfig>(&json).unwrap(), config);
    }

    #[test]
    fn a_wrong_setting_says_what_must_hold() {
        let config = TrainConfig { batch: 1, ..Default::default() };
        assert_eq!(config.check().unwrap_err().to_string(), "batch must be 2 to 65536, found 1");
        assert!(serde_json::from_str::<TrainConfig>(r#"{"epoch": 3}"#).is_err());
        let config = TrainConfig { image_size: 64, ..Default::default() };
        assert_eq!(config.check().unwrap_err().to_string(), "image-size must be 32 or 224, found 64");
    }
}
