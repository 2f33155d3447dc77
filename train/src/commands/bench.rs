//! `nsa bench`: how long the parts take, timed inside of the program, for `bench/` to set beside other programs.

use super::{print, print_json};
use crate::device::{Device, DeviceJob, on_device, wait};
use crate::error::NsaError;
use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use clap::{Args, Subcommand};
use nsa_core::Features;
use nsa_core::config::{Norm, Objective, TrainConfig};
use nsa_core::data::{ImageSet, Split, synth_digits};
use nsa_core::model::{Layer, NetworkConfig, embed};
use nsa_core::rng::Rng;
use nsa_core::score::{Scorer, score_all};
use nsa_core::sphere::compactness;
use nsa_core::ssl::Trainer;
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::Instant;

pub const LONG_ABOUT: &str = "\
How long the parts take on this machine, timed inside of the program: files, start and warm-up do not count.

Inputs are random features, or the built-in digits, of the sizes given. Every repetition does the same work. The table has \
the median and the spread (half of the repetitions lie within it); JSON has every repetition's seconds, the processor \
seconds of all threads, and the greatest memory so far. `make bench` sets these beside scikit-learn, faiss, SciPy and \
PyTorch, in turns (docs/benchmarks.md).

  nsa bench score --scorer k-cos --bank 5000 --queries 10000 --dim 512
  nsa bench train --objective simsiam --width 16 --batch 64 --json

Exit status: 0 measured, 1 it failed, 2 sizes out of range.";

/// `nsa bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    #[command(subcommand)]
    pub part: Part,
    /// How often; one more comes first and does not count.
    #[arg(long, default_value_t = 5, global = true)]
    pub repeat: usize,
    /// JSON instead of a table.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What is timed.
#[derive(Debug, Clone, Subcommand)]
pub enum Part {
    /// Fit a scorer to a bank and score queries.
    Score {
        /// Scorer; see `nsa score --help`.
        #[arg(long)]
        scorer: Scorer,
        /// Training features.
        #[arg(long, default_value_t = 5000)]
        bank: usize,
        /// Features to score.
        #[arg(long, default_value_t = 10_000)]
        queries: usize,
        /// Dimensions.
        #[arg(long, default_value_t = 512)]
        dim: usize,
    },
    /// Kappa, MMD and effective rank of features.
    Measure {
        /// Features.
        #[arg(long, default_value_t = 2000)]
        features: usize,
        /// Dimensions.
        #[arg(long, default_value_t = 512)]
        dim: usize,
    },
    /// Embed a batch of 32 x 32 images by a ResNet-18.
    Embed {
        /// Base width.
        #[arg(long, default_value_t = 16)]
        width: usize,
        /// Images.
        #[arg(long, default_value_t = 64)]
        batch: usize,
        /// Where to compute.
        #[arg(long, value_enum, default_value = "auto")]
        device: Device,
    },
    /// One step of training, augmentation included.
    Train {
        /// simsiam, byol, simclr or simclr-rot.
        #[arg(long, default_value = "simsiam")]
        objective: Objective,
        /// Where features are l2-normalised.
        #[arg(long, default_value = "none")]
        norm: Norm,
        /// Base width.
        #[arg(long, default_value_t = 16)]
        width: usize,
        /// Images a step, two views of each.
        #[arg(long, default_value_t = 64)]
        batch: usize,
        /// Where to compute.
        #[arg(long, value_enum, default_value = "auto")]
        device: Device,
    },
}

/// Seconds of every repetition: by the clock, and of the processor in all threads (Linux only).
#[derive(Debug, Default)]
struct Timed {
    seconds: Vec<f64>,
    processor: Vec<f64>,
}

/// Times a part.
pub fn run(args: &BenchArgs) -> Result<(), NsaError> {
    if !(1..=10_000).contains(&args.repeat) {
        return Err(NsaError::Usage(format!("--repeat must be 1 to 10000, found {}", args.repeat)));
    }
    let (what, sizes, timed) = match args.part.clone() {
        Part::Score { scorer, bank, queries, dim } => {
            let (train, query) = (features(bank, dim, 1)?, features(queries, dim, 2)?);
            let k = scorer.default_k();
            let timed = repeat(args.repeat, || score_all(scorer, k, &train, &query).map_err(failed))?;
            (format!("score {scorer}"), json!({"bank": bank, "queries": queries, "dim": dim}), timed)
        }
        Part::Measure { features: n, dim } => {
            let those = features(n, dim, 1)?;
            let timed = repeat(args.repeat, || compactness(&those, 0).map_err(failed))?;
            ("measure".into(), json!({"features": n, "dim": dim}), timed)
        }
        Part::Embed { width, batch, device } => {
            TrainConfig { width, ..TrainConfig::default() }.check()?;
            let (name, timed) = on_device(device, Embed { width, images: images(batch)?, repeat: args.repeat })?;
            ("embed".into(), json!({"width": width, "batch": batch, "device": name}), timed)
        }
        Part::Train { objective, norm, width, batch, device } => {
            let config = TrainConfig { objective, norm, width, batch, epochs: 1000, ..TrainConfig::default() };
            config.check()?;
            let (name, timed) = on_device(device, Train { config, images: images(batch)?, repeat: args.repeat })?;
            (format!("train {objective}, norm {norm}"), json!({"width": width, "batch": batch, "device": name}), timed)
        }
    };
    tell(&what, sizes, &timed, args.json)
}

fn tell(what: &str, sizes: Value, timed: &Timed, as_json: bool) -> Result<(), NsaError> {
    if as_json {
        return print_json(&json!({
            "what": what,
            "sizes": sizes,
            "seconds": timed.seconds,
            "processor-seconds": timed.processor,
            "peak-memory-bytes": peak_memory(),
        }));
    }
    let [low, middle, high] = quartiles(&timed.seconds);
    print(&format!("{what} {sizes}: {middle:.4} s ({low:.4} to {high:.4}, {} times)\n", timed.seconds.len()))
}

/// Does `work` once to warm up, then `times` times against the clock.
fn repeat<T>(times: usize, mut work: impl FnMut() -> Result<T, NsaError>) -> Result<Timed, NsaError> {
    black_box(work()?);
    let mut timed = Timed::default();
    for _ in 0..times {
        let (started, before) = (Instant::now(), processor_seconds());
        black_box(work()?);
        timed.seconds.push(started.elapsed().as_secs_f64());
        timed.processor.extend(processor_seconds().zip(before).map(|(after, before)| after - before));
    }
    Ok(timed)
}

fn failed(error: impl std::fmt::Display) -> NsaError {
    NsaError::Usage(format!("these sizes cannot be measured: {error}"))
}

/// Random features around a common direction, as an encoder's are.
fn features(n: usize, dim: usize, seed: u64) -> Result<Features, NsaError> {
    const MOST: usize = 1 << 28;
    if n.checked_mul(dim).is_none_or(|values| values == 0 || values > MOST) {
        return Err(NsaError::Usage(format!("rows times dimensions must be 1 to {MOST}, found {n} x {dim}")));
    }
    let mut rng = Rng::new(seed, "bench", &[]);
    let values = (0..n * dim).map(|_| 0.5 + rng.normal() as f32).collect();
    Ok(Features::new(n, dim, values)?)
}

fn images(batch: usize) -> Result<ImageSet, NsaError> {
    if !(1..=4096).contains(&batch) {
        return Err(NsaError::Usage(format!("--batch must be 1 to 4096, found {batch}")));
    }
    let drawn = synth_digits::generate(synth_digits::SEED, Split::Train, batch.div_ceil(10));
    Ok(drawn.select(&(0..batch).collect::<Vec<_>>()))
}

struct Embed {
    width: usize,
    images: ImageSet,
    repeat: usize,
}

impl DeviceJob for Embed {
    type Output = (String, Timed);

    fn run<B: Backend>(self, device: B::Device, name: &str) -> Result<Self::Output, NsaError> {
        let config =
            NetworkConfig { width: self.width, objective: Objective::Simsiam, norm: Norm::None, ..Default::default() };
        let network = config.init::<B>(0, &device).folded();
        let work =
            || Ok(wait(embed(&network, self.images.pixels(), self.images.side(), &[Layer::EMBEDDING], &device))?);
        Ok((name.into(), repeat(self.repeat, work)?))
    }
}

struct Train {
    config: TrainConfig,
    images: ImageSet,
    repeat: usize,
}

impl DeviceJob for Train {
    type Output = (String, Timed);

    fn run<B: Backend>(self, device: B::Device, name: &str) -> Result<Self::Output, NsaError> {
        let mut trainer = Trainer::<Autodiff<B>>::new(self.config, device);
        let all: Vec<usize> = (0..self.images.len()).collect();
        let mut step = 0;
        let timed = repeat(self.repeat, || {
            step += 1;
            // Reading the loss waits for the device.
            Ok(trainer.step(&self.images, &all, 0, step).into_data())
        })?;
        Ok((name.into(), timed))
    }
}

/// The processor's seconds of this process so far, user and system, all threads. Clock ticks are 1/100 s on Linux.
fn processor_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program, in parentheses, may hold spaces; utime and stime are the 12th and 13th fields after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}

/// The most memory that this process has held, in bytes (Linux only).
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(1024 * line.split_whitespace().next()?.parse::<u64>().ok()?)
}

/// Lower quartile, median and upper quartile.
fn quartiles(seconds: &[f64]) -> [f64; 3] {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| {
        let at = quarter as f64 / 4.0 * (sorted.len() - 1) as f64;
        let (low, high) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
        low + (high - low) * at.fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_numpy_s() {
        assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0]), [1.75, 2.5, 3.25]);
        assert_eq!(quartiles(&[7.0]), [7.0; 3]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_processor_s_time_goes_on_and_memory_is_known() {
        let before = processor_seconds().unwrap();
        let started = Instant::now();
        while started.elapsed().as_millis() < 60 {
            black_box(quartiles(&[3.0, 1.0]));
        }
        assert!(processor_seconds().unwrap() > before);
        assert!(peak_memory().unwrap() > 1 << 20);
    }
}
