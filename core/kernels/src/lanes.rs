//! Feature maps in which sixteen images lie side by side.
//!
//! `N x C x H x W` becomes `G x C x H x W x 16` with G groups of sixteen images: a register holds one pixel of one
//! channel of every image of a group. All images of a group are treated alike, so the kernels need no shuffles, no
//! borders and no number of channels or pixels that suits the processor; sums over a group's pixels are sums of
//! registers. Where N is no multiple of sixteen, the last group is filled up with images of zeros, and every kernel
//! leaves zeros there.

use crate::threads::each;

/// Images of a group.
pub const LANES: usize = 16;

/// Groups of `n` images.
pub const fn groups(n: usize) -> usize {
    n.div_ceil(LANES)
}

/// Images of group `g` of `n` images; only the last group may have fewer than [`LANES`].
pub fn images_in_group(n: usize, g: usize) -> usize {
    n.saturating_sub(g * LANES).min(LANES)
}

/// `n` rows, one an image, to groups: `n x len` to `G x len x 16`.
pub fn gather(n: usize, rows: &[f32]) -> Vec<f32> {
    let len = rows.len() / n.max(1);
    let mut lanes = vec![0.0; groups(n) * len * LANES];
    each(&mut lanes, (len * LANES).max(1), |g, group, (): &mut ()| {
        let rows = rows[g * LANES * len..].chunks_exact(len.max(1)).take(LANES);
        // Sixteen values of each row at a time: what is written then stays in the nearest cache.
        for (i, pixels) in group.chunks_mut(LANES * LANES).enumerate() {
            for (lane, row) in rows.clone().enumerate() {
                let pixels = pixels.iter_mut().skip(lane).step_by(LANES);
                pixels.zip(&row[i * LANES..]).for_each(|(to, from)| *to = *from);
            }
        }
    });
    lanes
}

/// The way back from [`gather`]: `G x len x 16` to `n x len`.
pub fn scatter(n: usize, lanes: &[f32]) -> Vec<f32> {
    let len = lanes.len() / (groups(n) * LANES).max(1);
    let mut rows = vec![0.0; n * len];
    each(&mut rows, (len * LANES).max(1), |g, rows, (): &mut ()| {
        let group = &lanes[g * LANES * len..][..LANES * len];
        for (i, pixels) in group.chunks(LANES * LANES).enumerate() {
            for (lane, row) in rows.chunks_exact_mut(len.max(1)).enumerate() {
                let pixels = pixels.iter().skip(lane).step_by(LANES);
                row[i * LANES..].iter_mut().zip(pixels).for_each(|(to, from)| *to = *from);
            }
        }
    });
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_what_is_filled_up_is_zero() {
        for (n, len) in [(1, 1), (16, 16), (17, 5), (40, 33), (3, 100)] {
            let rows: Vec<f32> = (1..=n * len).map(|i| i as f32).collect();
            let lanes = gather(n, &rows);
            assert_eq!(lanes.len(), groups(n) * len * LANES);
            for (at, &value) in lanes.iter().enumerate() {
                let (image, pixel) = (at / (len * LANES) * LANES + at % LANES, at / LANES % len);
                assert_eq!(value, if image < n { rows[image * len + pixel] } else { 0.0 });
            }
            assert_eq!(scatter(n, &lanes), rows);
        }
        assert!(gather(0, &[]).is_empty() && scatter(0, &[]).is_empty());
    }
}
