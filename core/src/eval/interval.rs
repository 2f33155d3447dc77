//! How far an AUROC may be off because it was measured on few images.

/// The 0.975 quantile of the standard normal distribution: two sides of 2.5 % each leave 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// A 95 % confidence interval of an AUROC (0..1) measured on `n_id` ID and `n_ood` OOD images, if these were drawn at
/// random; none without images.
///
/// Newcombe's method 5 (Statistics in Medicine 25, 2006): all values t whose own standard error would put the measured
/// value within 1.96 of them. The variance is Hanley and McNeil's (Radiology 143, 1982), which needs no more than the
/// AUROC and the two counts. Unlike an interval of plus or minus 1.96 standard errors it stays inside 0..1 and keeps
/// its width at an AUROC of 1, where a few images in the right order prove little.
pub fn auroc_interval(auroc: f64, n_id: usize, n_ood: usize) -> Option<[f64; 2]> {
    if n_id == 0 || n_ood == 0 || !(0.0..=1.0).contains(&auroc) {
        return None;
    }
    let (m, n) = (n_id as f64, n_ood as f64);
    let both = (m + n) / 2.0 - 1.0;
    let error = |t: f64| {
        let shared = 1.0 + both * (1.0 - t) / (2.0 - t) + both * t / (1.0 + t);
        Z * (t * (1.0 - t) * shared / (m * n)).sqrt()
    };
    // At the measured value the distance is 0 and within reach, at the far end it is out of reach (or the end itself).
    let solve = |mut inside: f64, mut outside: f64| {
        for _ in 0..60 {
            let middle = f64::midpoint(inside, outside);
            if (auroc - middle).abs() <= error(middle) { inside = middle } else { outside = middle }
        }
        inside
    };
    Some([solve(auroc, 0.0), solve(auroc, 1.0)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::auroc;
    use crate::rng::Rng;

    #[test]
    fn it_holds_the_true_value_in_19_of_20_samples() {
        // Scores N(0, 1) and N(d, 1) have an AUROC of Phi(d / sqrt 2): Phi(1) and Phi(2).
        for (shift, truth, n) in [(2f64.sqrt(), 0.841_344_746, 36), (8f64.sqrt(), 0.977_249_868, 36), (0.0, 0.5, 10)] {
            let mut rng = Rng::new(1, "interval", &[n as u64]);
            let mut draw = |shift: f64| -> Vec<f32> { (0..n).map(|_| (shift + rng.normal()) as f32).collect() };
            let covered = (0..2000).filter(|_| {
                let (id, ood) = (draw(0.0), draw(shift));
                let [low, high] = auroc_interval(auroc(&id, &ood).unwrap(), n, n).unwrap();
                (low..=high).contains(&truth)
            });
            let share = covered.count() as f64 / 2000.0;
            assert!((0.925..=0.98).contains(&share), "AUROC {truth}, {n} images: {share}");
        }
    }

    #[test]
    fn a_perfect_order_of_few_images_proves_little() {
        let [low, high] = auroc_interval(1.0, 4, 4).unwrap();
        assert!(low < 0.75 && high == 1.0, "{low}..{high}");
        let [low, high] = auroc_interval(0.0, 4, 4).unwrap();
        assert!(low == 0.0 && high > 0.25);
    }

    #[test]
    fn more_images_narrow_it_and_none_give_none() {
        let width = |n| auroc_interval(0.9, n, n).map(|[low, high]| high - low).unwrap();
        assert!(width(36) > 2.0 * width(360) && width(360) > 2.0 * width(3600));
        assert_eq!(auroc_interval(0.9, 0, 5), None);
        assert_eq!(auroc_interval(f64::NAN, 5, 5), None);
    }
}
