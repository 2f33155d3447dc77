//! Every setting of a training run, in one type that is saved with the run and read back from it.

use crate::augment::AugmentConfig;
use crate::model::{NetworkConfig, Stem};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The self-supervised objective (section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// SimSiam (Chen & He 2020): positives only, a predictor and a stop-grad.
    Simsiam,
    /// SimCLR (Chen et al. 2020): NT-Xent, the other images of the batch are negatives.
    Simclr,
    /// SimCLR(-): the same with each view in four rotations, which are negatives of each other (CSI, Tack et al. 2020).
    SimclrRot,
}

/// Where features are l2-normalised, with gradient (sections 2.3 and 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Nowhere: the original method.
    None,
    /// The encoder's output y, before the projector.
    F,
    /// The projection z, before the loss.
    G,
    /// Both: SimSiam(n). (SimCLR(n) is `F`: it has no stop-grad whose gradient would be missing.)
    Both,
}

impl Objective {
    /// The paper's name of an objective with its normalisation: `SimSiam(n)`, `SimCLR(n-)`. The paper's own choice of
    /// where to normalise is "(n)"; any other is named.
    pub fn with_norm(self, norm: Norm) -> String {
        let name = match self {
            Self::Simsiam => "SimSiam",
            Self::Simclr => "SimCLR",
            Self::SimclrRot => "SimCLR(-)",
        };
        match (self, norm) {
            (_, Norm::None) => name.into(),
            (Self::Simsiam, Norm::Both) | (Self::Simclr, Norm::F) => format!("{name}(n)"),
            (Self::SimclrRot, Norm::F) => "SimCLR(n-)".into(),
            (_, norm) => format!("{name}, norm {norm}"),
        }
    }
}

impl Norm {
    /// Whether the encoder's output is normalised.
    pub fn on_encoder(self) -> bool {
        matches!(self, Self::F | Self::Both)
    }

    /// Whether the projection is normalised.
    pub fn on_projection(self) -> bool {
        matches!(self, Self::G | Self::Both)
    }
}

/// A word that is not one of the choices.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{what} must be one of {choices}, found '{found}'")]
pub struct UnknownChoice {
    what: &'static str,
    choices: &'static str,
    found: String,
}

impl FromStr for Objective {
    type Err = UnknownChoice;
    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        match text {
            "simsiam" => Ok(Self::Simsiam),
            "simclr" => Ok(Self::Simclr),
            "simclr-rot" => Ok(Self::SimclrRot),
            _ => Err(UnknownChoice { what: "objective", choices: "simsiam, simclr, simclr-rot", found: text.into() }),
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simsiam => "simsiam",
            Self::Simclr => "simclr",
            Self::SimclrRot => "simclr-rot",
        })
    }
}

impl FromStr for Norm {
    type Err = UnknownChoice;
    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        match text {
            "none" => Ok(Self::None),
            "f" => Ok(Self::F),
            "g" => Ok(Self::G),
            "both" => Ok(Self::Both),
            _ => Err(UnknownChoice { what: "norm", choices: "none, f, g, both", found: text.into() }),
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::F => "f",
            Self::G => "g",
            Self::Both => "both",
        })
    }
}

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
    /// Passes over the training set.
    pub epochs: usize,
    /// Images a step (two views of each).
    pub batch: usize,
    /// Peak learning rate of Adam, decayed to 0 by a cosine.
    pub lr: f64,
    /// SimCLR's temperature.
    pub temperature: f32,
    /// Use at most this many images of the class (0: all).
    pub limit: usize,
    /// Evaluate every so many epochs (and before the first and after the last).
    pub eval_every: usize,
    /// Evaluate on at most this many training, ID test and OOD test images each (final figures use all).
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
        require((1..=100_000).contains(&self.epochs), "epochs", "1 to 100000", self.epochs.to_string())?;
        require((2..=65_536).contains(&self.batch), "batch", "2 to 65536", self.batch.to_string())?;
        require(self.lr > 0.0 && self.lr <= 10.0, "lr", "above 0, at most 10", self.lr.to_string())?;
        let p = self.pollution;
        require((0.0..1.0).contains(&p), "pollution", "at least 0 and below 1", p.to_string())?;
        let t = self.temperature;
        require(t > 0.0 && t <= 10.0, "temperature", "above 0, at most 10", t.to_string())?;
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
    fn methods_have_the_paper_s_names() {
        assert_eq!(Objective::Simsiam.with_norm(Norm::Both), "SimSiam(n)");
        assert_eq!(Objective::SimclrRot.with_norm(Norm::F), "SimCLR(n-)");
        assert_eq!(Objective::Simclr.with_norm(Norm::Both), "SimCLR, norm both");
        assert_eq!(Objective::Simclr.with_norm(Norm::None), "SimCLR");
    }

    #[test]
    fn a_wrong_setting_says_what_must_hold() {
        let config = TrainConfig { batch: 1, ..Default::default() };
        assert_eq!(config.check().unwrap_err().to_string(), "batch must be 2 to 65536, found 1");
        assert!(serde_json::from_str::<TrainConfig>(r#"{"epoch": 3}"#).is_err());
        let config = TrainConfig { image_size: 64, ..Default::default() };
        assert_eq!(config.check().unwrap_err().to_string(), "image-size must be 32 or 224, found 64");
        assert_eq!("h".parse::<Norm>().unwrap_err().to_string(), "norm must be one of none, f, g, both, found 'h'");
    }
}
