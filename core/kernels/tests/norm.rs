//! Batch normalisation and its gradients against `f64`.

use nsa_kernels::lanes::{gather, scatter};
use nsa_kernels::norm::{Channel, Maps};

/// Normal numbers: sums of twelve uniform ones.
struct Random(u32);

impl Random {
    fn normal(&mut self) -> f64 {
        let mut next = || {
            self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(self.0 >> 8) / 16_777_216.0
        };
        (0..12).map(|_| next()).sum::<f64>() - 6.0
    }
}

/// All of it in `f64`: statistics, results, dx, and dgamma with dbeta.
fn reference(maps: Maps, x: &[f32], add: &[f32], dy: &[f32], rectify: bool, learned: &[[f32; 2]]) -> [Vec<f64>; 4] {
    let [mut statistics, mut y, mut dx, mut sums] = [vec![], vec![0.0; x.len()], vec![0.0; x.len()], vec![]];
    for (c, &learned) in learned.iter().enumerate() {
        let own: Vec<usize> = (0..x.len()).filter(|i| i / maps.area % maps.channels == c).collect();
        let ([gamma, beta], count) = (learned.map(f64::from), own.len() as f64);
        let mean = own.iter().map(|&i| f64::from(x[i])).sum::<f64>() / count;
        let var = own.iter().map(|&i| (f64::from(x[i]) - mean).powi(2)).sum::<f64>() / count;
        let deviation = (var + 1e-5).sqrt();
        let normal = |i: usize| (f64::from(x[i]) - mean) / deviation;
        let result = |i: usize| gamma * normal(i) + beta + f64::from(add[i]);
        let passed = |i: usize| if rectify && result(i) <= 0.0 { 0.0 } else { f64::from(dy[i]) };
        let dbeta: f64 = own.iter().map(|&i| passed(i)).sum();
        let dgamma: f64 = own.iter().map(|&i| passed(i) * normal(i)).sum();
        for &i in &own {
            y[i] = if rectify { result(i).max(0.0) } else { result(i) };
            dx[i] = gamma / deviation * (passed(i) - dbeta / count - normal(i) * dgamma / count);
        }
        statistics.extend([mean, var]);
        sums.extend([dgamma, dbeta]);
    }
    [statistics, y, dx, sums]
}

fn channels(learned: &[[f32; 2]], statistics: &[[f32; 2]]) -> Vec<Channel> {
    let of = |(&[gamma, beta], &[mean, var]): (&[f32; 2], &[f32; 2])| Channel { mean, var, gamma, beta };
    learned.iter().zip(statistics).map(of).collect()
}

#[test]
fn what_is_not_a_number_stays_so() {
    let maps = Maps { n: 1, channels: 2, area: 4 };
    let x = gather(1, &[f32::NAN, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0]);
    let channels = channels(&[[1.0, 0.0]; 2], &maps.statistics(&maps.moments(&x)));
    let results = maps.normalise(&x, None, true, &channels);
    let y = scatter(1, &results);
    assert!(y[..4].iter().all(|y| y.is_nan()) && y[4..].iter().all(|y| y.is_finite()), "{y:?}");
    let mut dy = gather(1, &[1.0; 8]);
    let learned = maps.cut(&mut dy, Some(&results), &x, &channels);
    let mut dx = x;
    maps.gradient(&mut dx, &dy, &channels, &learned);
    let dx = scatter(1, &dx);
    assert!(dx[..4].iter().all(|dx| dx.is_nan()) && dx[4..].iter().all(|dx| dx.is_finite()), "{dx:?}");
}

#[test]
fn it_is_exact_to_a_few_units_of_f32() {
    let mut random = Random(7);
    for (n, channels_of_map, area) in [(16, 3, 1024), (64, 5, 16), (128, 4, 1), (9, 2, 35), (250, 3, 6)] {
        for (rectify, adds) in [(false, false), (true, false), (false, true), (true, true)] {
            let maps = Maps { n, channels: channels_of_map, area };
            let mut random = |mean: f64, deviation: f64| -> Vec<f32> {
                (0..n * channels_of_map * area).map(|_| (mean + deviation * random.normal()) as f32).collect()
            };
            // A mean that is large beside the deviation, as after a rectifier.
            let (x, dy, add) = (random(3.0, 1.0), random(0.0, 1.0), random(0.2, f64::from(u8::from(adds))));
            let add = if adds { add } else { vec![0.0; x.len()] };
            let learned: Vec<[f32; 2]> =
                (0..channels_of_map).map(|c| [0.7 - 0.4 * c as f32, 0.2 * c as f32 - 0.3]).collect();
            let [statistics, y, dx, sums] = reference(maps, &x, &add, &dy, rectify, &learned);

            let [x, add, mut dy] = [x, add, dy].map(|values| gather(n, &values));
            let found = maps.statistics(&maps.moments(&x));
            let channels = channels(&learned, &found);
            let results = maps.normalise(&x, adds.then_some(&add), rectify, &channels);
            let of_learned = maps.cut(&mut dy, rectify.then_some(&results), &x, &channels);
            let mut gradient = x;
            maps.gradient(&mut gradient, &dy, &channels, &of_learned);

            let close = |name: &str, found: &[f32], expected: &[f64], most: f64| {
                let largest = expected.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
                let pairs = found.iter().zip(expected);
                let worst = pairs.map(|(f, e)| (f64::from(*f) - e).abs() / largest).fold(0.0, f64::max);
                let case = format!("{n} x {channels_of_map} x {area}, {rectify}, {adds}, {name}: {worst:.1e}");
                println!("{case}");
                assert!(worst < most, "{case}");
            };
            close("statistics", found.as_flattened(), &statistics, 3e-7);
            close("results", &scatter(n, &results), &y, 5e-7);
            close("gradient", &scatter(n, &gradient), &dx, 2e-6);
            let [dgamma, dbeta] = of_learned;
            let found: Vec<f32> = dgamma.into_iter().zip(dbeta).flat_map(|(dgamma, dbeta)| [dgamma, dbeta]).collect();
            close("sums", &found, &sums, 2e-6);
            let last = |maps: &[f32]| {
                maps.chunks_exact(16).rev().take(area).all(|pixel| pixel[(n - 1) % 16 + 1..].iter().all(|v| *v == 0.0))
            };
            assert!(last(&results) && last(&gradient), "zeros where there is no image");
        }
    }
}
