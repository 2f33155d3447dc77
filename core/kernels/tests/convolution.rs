//! The convolution and its gradients against the sums that they stand for, in `f64`.

use nsa_kernels::conv::{convolve, image_gradient};
use nsa_kernels::conv_weight::weight_gradient;
use nsa_kernels::geometry::Geometry;
use nsa_kernels::lanes::{gather, scatter};
use nsa_kernels::norm::Maps;
use nsa_kernels::unfolded;

/// Images, kernel, stride, padding, channels read and computed, height and width.
const CASES: [[usize; 8]; 18] = [
    [1, 3, 1, 1, 3, 8, 16, 16],
    [17, 3, 1, 1, 8, 8, 8, 8],
    [33, 3, 2, 1, 5, 9, 8, 8],
    [16, 1, 2, 0, 8, 16, 6, 6],
    [5, 3, 1, 1, 3, 7, 1, 1],
    [20, 3, 1, 1, 20, 12, 2, 2],
    [40, 3, 1, 1, 9, 17, 3, 3],
    [2, 3, 2, 1, 4, 6, 7, 9],
    [3, 3, 2, 1, 2, 3, 1, 2],
    [3, 1, 1, 0, 2, 3, 5, 7],
    [18, 7, 2, 3, 3, 2, 15, 14],
    [3, 3, 1, 0, 2, 2, 6, 5],
    [4, 3, 3, 2, 1, 1, 4, 4],
    [1, 5, 1, 2, 2, 2, 3, 1],
    [2, 7, 1, 3, 2, 1, 2, 2],
    [1, 1, 2, 0, 2, 1, 6, 9],
    [2, 3, 1, 1, 70, 33, 2, 4],
    [130, 3, 1, 1, 3, 4, 4, 4],
];

/// Numbers that look random, -0.5 to 0.5.
fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0 - 0.5
    };
    (0..n).map(next).collect()
}

fn geometry([n, kernel, stride, padding, input, output, height, width]: [usize; 8]) -> Geometry {
    let side = |length: usize| (length + 2 * padding - kernel) / stride + 1;
    Geometry { n, input: [input, height, width], output: [output, side(height), side(width)], kernel, stride, padding }
}

/// Every product of a convolution: positions of image, weight and result.
fn products(g: &Geometry) -> Vec<[usize; 3]> {
    let ([c, h, w], [o, oh, ow], k) = (g.input, g.output, g.kernel);
    let mut all = Vec::new();
    for (n, to, y, x) in (0..g.n * o * oh * ow).map(|i| (i / (o * oh * ow), i / (oh * ow) % o, i / ow % oh, i % ow)) {
        for (from, ky, kx) in (0..c * k * k).map(|i| (i / (k * k), i / k % k, i % k)) {
            let at = |place: usize, k: usize, len: usize| {
                (place * g.stride + k).checked_sub(g.padding).filter(|at| *at < len)
            };
            if let (Some(iy), Some(ix)) = (at(y, ky, h), at(x, kx, w)) {
                let image = ((n * c + from) * h + iy) * w + ix;
                all.push([image, ((to * c + from) * k + ky) * k + kx, ((n * o + to) * oh + y) * ow + x]);
            }
        }
    }
    all
}

fn assert_close(what: &str, found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1e-3_f64, |most, value| most.max(value.abs()));
    let worst = found.iter().zip(expected).map(|(f, e)| (f64::from(*f) - e).abs() / largest).fold(0.0, f64::max);
    assert!(worst < 2e-6, "{what}: {worst:.1e}");
}

#[test]
fn convolutions_and_gradients_are_the_sums_that_they_stand_for() {
    for case in CASES {
        let g = geometry(case);
        let [images, gradient] = [values(g.n * g.input_len(), 1), values(g.n * g.output_len(), 2)];
        let weight = values(g.output[0] * g.input[0] * g.kernel * g.kernel, 3);
        let mut expected = [vec![0.0; images.len()], vec![0.0; weight.len()], vec![0.0; gradient.len()]];
        for [image, value, result] in products(&g) {
            let [x, w, y] = [images[image], weight[value], gradient[result]].map(f64::from);
            expected[0][image] += w * y;
            expected[1][value] += x * y;
            expected[2][result] += x * w;
        }
        let (lanes, of_results) = (gather(g.n, &images), gather(g.n, &gradient));
        let (results, moments) = convolve(&g, &lanes, &weight);
        assert_close(&format!("{case:?}: results"), &scatter(g.n, &results), &expected[2]);
        let to_images = scatter(g.n, &image_gradient(&g, &of_results, &weight));
        assert_close(&format!("{case:?}: images"), &to_images, &expected[0]);
        assert_close(&format!("{case:?}: weight"), &weight_gradient(&g, &lanes, &of_results), &expected[1]);
        assert_close(&format!("{case:?}: unfolded"), &unfolded::forward(&g, &images, &weight), &expected[2]);
        // The moments on the way are those of the results.
        let maps = Maps { n: g.n, channels: g.output[0], area: g.output[1] * g.output[2] };
        assert_eq!(maps.statistics(&moments), maps.statistics(&maps.moments(&results)), "{case:?}");
    }
}

#[test]
fn nothing_is_computed_where_there_is_no_image() {
    let g = geometry([3, 3, 1, 1, 2, 4, 4, 4]);
    let (images, weight) = (gather(3, &values(3 * g.input_len(), 1)), values(72, 2));
    let (results, _) = convolve(&g, &images, &weight);
    let gradient = image_gradient(&g, &results, &weight);
    for map in [results, gradient] {
        assert!(map.chunks_exact(16).all(|pixel| pixel[3..].iter().all(|value| *value == 0.0)));
    }
}

#[test]
fn what_is_not_a_number_reaches_what_is_computed_from_it_and_nothing_else() {
    let g = geometry([2, 3, 1, 1, 1, 1, 5, 5]);
    let mut images = values(50, 1);
    images[0] = f32::NAN;
    let (results, _) = convolve(&g, &gather(2, &images), &values(9, 2));
    let not_numbers: Vec<usize> = (0..50).filter(|i| scatter(2, &results)[*i].is_nan()).collect();
    assert_eq!(not_numbers, [0, 1, 5, 6]);
}

#[test]
fn the_gradient_is_the_same_to_the_last_bit_on_any_number_of_threads() {
    let g = Geometry { n: 140, input: [3, 6, 6], output: [20, 6, 6], kernel: 3, stride: 1, padding: 1 };
    let (images, gradient) = (gather(140, &values(140 * 108, 1)), gather(140, &values(140 * 720, 2)));
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| weight_gradient(&g, &images, &gradient))
    };
    assert_eq!(on(1), on(3));
}
