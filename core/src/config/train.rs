//! Every setting of a training run, in one type that is saved with the run and read back from it.

use super::{AugmentConfig, Norm, Objective, PixelNorm, SIDES, SIZE, Schedule, is_side};
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
    /// Images of the class that are held back from training, to make choices on (at most a quarter of the class).
    pub validation: usize,
    /// Height and width of the images: a multiple of 8 from 16 to 128, or 224 with ImageNet's stem (as for ImageNet30).
    pub image_size: usize,
    /// How pixels are scaled before the encoder sees them; none: as the stem's weights want it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixels: Option<PixelNorm>,
    /// Base width of the ResNet-18: 64 in the paper, 16 and below for CPU and browser.
    pub width: usize,
    /// Batch norm after the hidden layer of SimCLR's projector. Without it and without biases the projector is positively
    /// homogeneous, and normalising its input changes nothing in a loss that normalises its output.
    pub head_batch_norm: bool,
    /// Passes over the training set; 0 leaves the encoder at its random weights, to compare with.
    pub epochs: usize,
    /// Images a step (two views of each).
    pub batch: usize,
    /// Peak learning rate of Adam.
    pub lr: f64,
    /// What becomes of the learning rate after the warm-up.
    pub schedule: Schedule,
    /// Steps in which the learning rate rises to its peak.
    pub warmup: usize,
    /// SimCLR's temperature.
    pub temperature: f32,
    /// Share of itself that BYOL's target network keeps in a step, at first; it rises to 1 by a cosine.
    pub ema_momentum: f64,
    /// Deep SVDD with what its paper forbids, a learned bias and learned shifts in its batch norms: then it can put every
    /// image at the centre, whatever is on it.
    pub svdd_biases: bool,
    /// SHA-256 of the file whose weights training began with, in hexadecimal: PANDA adapts those of another network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
    /// Use at most this many images of the class (0: all).
    pub limit: usize,
    /// Evaluate every so many epochs (and before the first and after the last).
    pub eval_every: usize,
    /// Evaluate this often instead, after numbers of epochs that are evenly spaced in their logarithm (0: see
    /// `eval-every`).
    pub evaluations: usize,
    /// Evaluate on at most this many training images, and validation and test images of the class and of the others
    /// each (final figures use all).
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
            validation: 250,
            image_size: SIZE,
            pixels: None,
            width: 16,
            head_batch_norm: true,
            epochs: 100,
            batch: 64,
            lr: 1e-4,
            schedule: Schedule::Cosine,
            warmup: 0,
            temperature: 0.5,
            ema_momentum: 0.99,
            svdd_biases: false,
            weights: None,
            limit: 0,
            eval_every: 5,
            evaluations: 0,
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
    /// How pixels are scaled before the encoder sees them.
    pub fn pixel_norm(&self) -> PixelNorm {
        let contrast = self.objective.normalizes_contrast();
        PixelNorm { contrast, ..self.pixels.unwrap_or(PixelNorm::of_side(self.image_size)) }
    }

    /// The learning rate of step `step` of `steps`, counted from 0.
    pub fn learning_rate(&self, step: usize, steps: usize) -> f64 {
        let rate = match self.schedule {
            Schedule::Constant => self.lr,
            Schedule::Cosine => {
                let done = (step as f64 / steps as f64).min(1.0);
                self.lr * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())
            }
        };
        rate * ((step + 1) as f64 / self.warmup.max(1) as f64).min(1.0)
    }

    /// Whether the run is evaluated after `epoch` epochs.
    pub fn evaluates(&self, epoch: usize) -> bool {
        if epoch == 0 || epoch == self.epochs {
            return true;
        }
        match self.evaluations {
            0 => epoch.is_multiple_of(self.eval_every),
            // Evaluation i of n stands after epochs^(i/n) epochs; early ones may fall together.
            n => {
                let at = |i: usize| (self.epochs as f64).powf(i as f64 / n as f64).round() as usize;
                (1..n).any(|i| at(i) == epoch)
            }
        }
    }

    /// Checks every range, so that a run cannot fail hours later on a setting that was wrong from the start.
    pub fn check(&self) -> Result<(), ConfigError> {
        let require = |holds: bool, setting, must, found: String| {
            if holds { Ok(()) } else { Err(ConfigError { setting, must, found }) }
        };
        require(is_side(self.image_size), "image-size", SIDES, self.image_size.to_string())?;
        let PixelNorm { mean, std, .. } = self.pixel_norm();
        let sane = mean.iter().all(|m| (0.0..=1.0).contains(m)) && std.iter().all(|s| (1e-3..=1.0).contains(s));
        require(sane, "pixels", "means of 0 to 1 and spreads of 0.001 to 1", format!("{mean:?} and {std:?}"))?;
        require((1..=256).contains(&self.width), "width", "1 to 256", self.width.to_string())?;
        let plain = !self.objective.is_rival() || self.norm == Norm::None;
        require(plain, "norm", "none with an objective of another paper", self.norm.to_string())?;
        let adapts = self.weights.is_none() || self.objective.adapts_weights();
        require(adapts, "weights", "given with objective panda only", self.objective.to_string())?;
        let is_hash = |w: &String| w.len() == 64 && w.bytes().all(|b| b.is_ascii_hexdigit());
        let found = self.weights.clone().unwrap_or_default();
        require(self.weights.as_ref().is_none_or(is_hash), "weights", "a SHA-256 in hexadecimal", found)?;
        require(self.epochs <= 100_000, "epochs", "at most 100000", self.epochs.to_string())?;
        let learns_twice = !self.objective.is_told_anomalies() || self.epochs != 1;
        require(learns_twice, "epochs", "0 or at least 2 with objective elsa", self.epochs.to_string())?;
        require((2..=65_536).contains(&self.batch), "batch", "2 to 65536", self.batch.to_string())?;
        require(self.lr > 0.0 && self.lr <= 10.0, "lr", "above 0, at most 10", self.lr.to_string())?;
        let p = self.pollution;
        require((0.0..1.0).contains(&p), "pollution", "at least 0 and below 1", p.to_string())?;
        let t = self.temperature;
        require(t > 0.0 && t <= 10.0, "temperature", "above 0, at most 10", t.to_string())?;
        let m = self.ema_momentum;
        require((0.0..=1.0).contains(&m), "ema-momentum", "0 to 1", m.to_string())?;
        require(self.warmup <= 1_000_000, "warmup", "at most 1000000 steps", self.warmup.to_string())?;
        require(self.validation <= 100_000, "validation", "at most 100000", self.validation.to_string())?;
        require(self.evaluations <= 1000, "evaluations", "at most 1000", self.evaluations.to_string())?;
        require(self.eval_every >= 1, "eval-every", "at least 1", self.eval_every.to_string())?;
        require(self.eval_limit >= 2, "eval-limit", "at least 2", self.eval_limit.to_string())?;
        // TOML has no greater integers, and a run's settings are kept in it.
        let most = i64::MAX as u64;
        require(self.seed <= most, "seed", "at most 9223372036854775807", self.seed.to_string())?;
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
        let seed = |seed| TrainConfig { seed, ..Default::default() }.check().map_err(|e| e.to_string());
        seed((1 << 63) - 1).unwrap();
        assert_eq!(seed(1 << 63).unwrap_err(), "seed must be at most 9223372036854775807, found 9223372036854775808");
        let ssd = TrainConfig { objective: Objective::Ssd, ..Default::default() };
        let error = ssd.check().unwrap_err().to_string();
        assert_eq!(error, "norm must be none with an objective of another paper, found both");
        TrainConfig { norm: Norm::None, ..ssd }.check().unwrap();
        for image_size in [0, 8, 20, 136, 256] {
            let error = TrainConfig { image_size, ..Default::default() }.check().unwrap_err().to_string();
            assert_eq!(error, format!("image-size must be a multiple of 8 from 16 to 128, or 224, found {image_size}"));
        }
        for image_size in [16, 24, 128, 224] {
            TrainConfig { image_size, ..Default::default() }.check().unwrap();
        }
    }

    #[test]
    fn the_learning_rate_rises_and_then_stays_or_falls() {
        let config = TrainConfig { lr: 2.0, warmup: 4, schedule: Schedule::Constant, ..Default::default() };
        let rates = |config: &TrainConfig| [0, 1, 3, 4, 50, 99].map(|step| config.learning_rate(step, 100));
        assert_eq!(rates(&config), [0.5, 1.0, 2.0, 2.0, 2.0, 2.0]);
        let [first, .., middle, last] = rates(&TrainConfig { warmup: 0, schedule: Schedule::Cosine, ..config });
        assert!(first == 2.0 && (middle - 1.0).abs() < 1e-9 && last > 0.0 && last < 1e-3, "{first} {middle} {last}");
    }

    #[test]
    fn evaluations_are_evenly_spaced_by_epochs_or_by_their_logarithm() {
        let at =
            |config: &TrainConfig| -> Vec<usize> { (0..=config.epochs).filter(|&e| config.evaluates(e)).collect() };
        let linear = TrainConfig { epochs: 10, eval_every: 4, ..Default::default() };
        assert_eq!(at(&linear), [0, 4, 8, 10]);
        assert_eq!(at(&TrainConfig { epochs: 1000, evaluations: 6, ..linear }), [0, 3, 10, 32, 100, 316, 1000]);
    }
}
