//! The allocator, which keeps the memory of freed tensors for the next ones, and how much memory there is: a program
//! that asks for more than that is aborted without a word.
//!
//! The tensors of a training step are large. The system's allocator gives each of them back to the kernel, which clears
//! its pages before they are used anew and tells every core: that took a third of a step at base width 64.

use crate::error::NsaError;
use libmimalloc_sys::mi_option_set;
use mimalloc::MiMalloc;
use nsa_core::config::TrainConfig;
use nsa_core::score::Scorer;
use thiserror::Error;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` of mimalloc.h; -1 is never.
const PURGE_DELAY: i32 = 15;

/// To be called first.
pub fn keep_what_is_freed() {
    // SAFETY: it sets a number that the allocator reads when memory is freed.
    #[expect(unsafe_code)]
    unsafe {
        mi_option_set(PURGE_DELAY, -1);
    }
}

/// Work that takes more memory than there is.
#[derive(Debug, Error)]
#[error("it takes {} of memory, but there are {}", gigabytes(*needed), gigabytes(*free))]
pub struct Short {
    /// Bytes that it takes at least.
    needed: u64,
    /// Bytes that can be had.
    free: u64,
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2} GB", bytes as f64 / 1e9)
}

/// Whether `needed` more bytes can be had, as far as the system says.
pub fn check(needed: u64) -> Result<(), Short> {
    // Small work is not asked about.
    match free().filter(|free| needed > *free && needed > 1 << 24) {
        Some(free) => Err(Short { needed, free }),
        None => Ok(()),
    }
}

/// Whether a scorer can be fitted to so many features: the one-class SVM holds a value for each pair of them.
pub fn check_scorer(scorer: Scorer, features: usize) -> Result<(), NsaError> {
    let values = if scorer == Scorer::OcSvm { (features as u64).pow(2) } else { 0 };
    check(4 * values).map_err(|short| NsaError::Usage(format!("{scorer} of {features} features: {short}")))
}

/// Whether a run of these settings can be trained on the processor by `batch` images a step. An estimate from below:
/// weights, gradients and both
/// moments of Adam, and one map after each convolution of every picture that a step embeds at once.
pub fn check_training(config: &TrainConfig, batch: usize) -> Result<(), NsaError> {
    let (width, side, batch) = (config.width as u64, config.image_size as u64, batch as u64);
    // ImageNet's stem leaves a quarter of the side.
    let map = width * if side > 128 { (side / 4).pow(2) } else { side.pow(2) };
    // One map of the stem, four of each block; each block halves the values of the one before.
    let maps = map * (2 * (1 + 4) + 4 + 2 + 1) / 2;
    let pictures = batch * if config.objective.is_rival() { 1 } else { 2 };
    let values = 4 * 2724 * width.pow(2) + pictures * maps;
    check(4 * values).map_err(|short| {
        NsaError::Usage(format!("training at width {width} with batches of {batch} images of {side} x {side}: {short}"))
    })
}

/// Bytes that this process can still have: by the machine, by its control group, and by its own limit (`ulimit -v`).
/// None where the system does not say.
fn free() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let line = |text: &str, name: &str| -> Option<u64> {
        let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
        rest.split_whitespace().find_map(|word| word.parse().ok())
    };
    let number = |path: &str| read(path)?.trim().parse::<u64>().ok();
    let machine = read("/proc/meminfo")
        .and_then(|text| Some(1024 * (line(&text, "MemAvailable:")? + line(&text, "SwapFree:").unwrap_or(0))));
    let group = number("/sys/fs/cgroup/memory.max")
        .zip(number("/sys/fs/cgroup/memory.current"))
        .or(number("/sys/fs/cgroup/memory/memory.limit_in_bytes")
            .zip(number("/sys/fs/cgroup/memory/memory.usage_in_bytes")))
        // What the group's files take is given up for others.
        .map(|(most, used)| most.saturating_sub(used).saturating_add(cached()));
    let own = read("/proc/self/limits")
        .and_then(|text| line(&text, "Max address space"))
        .zip(read("/proc/self/status").and_then(|text| line(&text, "VmSize:")))
        .map(|(most, used)| most.saturating_sub(1024 * used));
    [machine, group, own].into_iter().flatten().min()
}

/// Bytes of files that the control group's memory holds.
fn cached() -> u64 {
    let stat = ["/sys/fs/cgroup/memory.stat", "/sys/fs/cgroup/memory/memory.stat"];
    let text = stat.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let of = |name: &str| -> u64 {
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok());
        found.unwrap_or(0)
    };
    of("file").max(of("total_cache"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_cannot_be_had_is_told_and_what_can_is_not() {
        check(1 << 20).unwrap();
        let short = check(1 << 60).unwrap_err().to_string();
        assert!(short.starts_with("it takes 1152921504.61 GB of memory, but there are "), "{short}");
        check_scorer(Scorer::KCos, usize::MAX).unwrap();
        let large = TrainConfig { width: 256, batch: 65_536, image_size: 128, ..TrainConfig::default() };
        let error = check_training(&large, large.batch).unwrap_err();
        assert!(
            error.to_string().starts_with("training at width 256 with batches of 65536 images of 128 x 128"),
            "{error}"
        );
        check_training(&TrainConfig { width: 2, ..large }, 8).unwrap();
    }
}
