//! The mean over positions, on images that lie side by side ([`crate::lanes`]).

use crate::lanes::{LANES, gather, groups, scatter};
use crate::threads::each;

/// `G x C x area x 16` to `n x C`.
pub fn mean(n: usize, area: usize, maps: &[f32]) -> Vec<f32> {
    let mut means = vec![0.0; maps.len() / area.max(1)];
    each(&mut means, LANES, |i, means, (): &mut ()| {
        let pixels = maps[i * area * LANES..].chunks_exact(LANES).take(area);
        pixels.for_each(|pixel| means.iter_mut().zip(pixel).for_each(|(mean, value)| *mean += value));
        means.iter_mut().for_each(|mean| *mean /= area as f32);
    });
    scatter(n, &means)
}

/// The way back for gradients, `n x C` to `G x C x area x 16`.
pub fn mean_back(n: usize, area: usize, gradient: &[f32]) -> Vec<f32> {
    let channels = gradient.len() / n.max(1);
    let gradient = gather(n, gradient);
    let mut maps = vec![0.0; groups(n) * channels * area * LANES];
    each(&mut maps, (area * LANES).max(1), |i, pixels, (): &mut ()| {
        let gradient = &gradient[i * LANES..][..LANES];
        let of_pixel =
            |pixel: &mut [f32]| pixel.iter_mut().zip(gradient).for_each(|(to, from)| *to = from / area as f32);
        pixels.chunks_exact_mut(LANES).for_each(of_pixel);
    });
    maps
}
