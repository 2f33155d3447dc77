//! CSI's score (Tack et al. 2020, section 3.2): how near an image's projections are to the class's, how long they are, and how
//! surely its transformations are told.

use super::{ScoreError, bank::check_width};
use crate::Features;
use crate::vectors::cosine::unit_rows;

/// Transformations that a row is of: the four rotations.
const SHIFTS: usize = 4;

/// The training images' directions for each transformation, and what balances the terms.
#[derive(Debug, Clone)]
pub struct Csi {
    width: usize,
    shifts: Vec<Balanced>,
}

/// What is known of one transformation.
#[derive(Debug, Clone)]
struct Balanced {
    /// `n x d`.
    directions: Features,
    /// One over the mean length of the projections.
    con: f64,
    /// One over the mean logit of the right answer.
    cls: f64,
}

impl Csi {
    /// Fits `n x 4 (d + 1)` rows of training images: for each rotation a projection of d values, then for each the logit of
    /// the right answer ([`NetworkConfig::own_row`](crate::model::NetworkConfig::own_row)).
    ///
    /// # Errors
    /// Rows of another shape; a projection of length zero; logits whose mean is zero.
    pub fn fit(train: &Features) -> Result<Self, ScoreError> {
        let (width, n) = (train.dim(), train.n() as f64);
        if !width.is_multiple_of(SHIFTS) || width == SHIFTS {
            return Err(ScoreError::NotCsi { found: width });
        }
        let shift = |t: usize| {
            let z = projections(train, t);
            let directions =
                unit_rows(&z).map_err(|row| ScoreError::ZeroVector { what: "projection of training image", row })?;
            let lengths: f64 = z.rows().map(length).sum();
            let logits: f64 = train.rows().map(|row| logit(row, t)).sum();
            // The training image nearest to a training image is itself: cosine 1, and its length is left.
            let (con, cls) = (n / lengths, n / logits);
            if con.is_finite() && cls.is_finite() {
                Ok(Balanced { directions, con, cls })
            } else {
                Err(ScoreError::Overflow { what: "CSI's balance" })
            }
        };
        Ok(Self { width, shifts: (0..SHIFTS).map(shift).collect::<Result<_, _>>()? })
    }

    /// Minus the sum over the rotations of: the largest cosine to a training image's projection, times the projection's
    /// length, over the mean length; and the logit of the right answer over the mean logit (equations 8 to 10). High =
    /// anomalous.
    pub fn score(&self, queries: &Features) -> Result<Vec<f32>, ScoreError> {
        check_width(self.width, queries)?;
        let mut scores = vec![0.0_f64; queries.n()];
        for (t, Balanced { directions, con, cls }) in self.shifts.iter().enumerate() {
            let z = projections(queries, t);
            for (i, (score, z)) in scores.iter_mut().zip(z.rows()).enumerate() {
                let product =
                    |unit: &[f32]| unit.iter().zip(z).map(|(&u, &z)| f64::from(u) * f64::from(z)).sum::<f64>();
                let nearest = directions.rows().map(product).fold(f64::NEG_INFINITY, f64::max);
                *score -= con * nearest + cls * logit(queries.row(i), t);
            }
        }
        Ok(scores.into_iter().map(|score| score as f32).collect())
    }
}

/// The projections of every image in transformation `t`, `n x d`.
fn projections(rows: &Features, t: usize) -> Features {
    let d = rows.dim() / SHIFTS - 1;
    let values = rows.rows().flat_map(|row| row[t * d..(t + 1) * d].iter().copied()).collect();
    Features::of_finite(rows.n(), d, values)
}

fn logit(row: &[f32], t: usize) -> f64 {
    f64::from(row[row.len() - SHIFTS + t])
}

fn length(z: &[f32]) -> f64 {
    z.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_another_shape_are_refused() {
        let of = |width: usize| Csi::fit(&Features::new(2, width, vec![1.0; 2 * width]).unwrap());
        assert!(matches!(of(4), Err(ScoreError::NotCsi { found: 4 })));
        assert!(matches!(of(10), Err(ScoreError::NotCsi { found: 10 })));
        let fitted = of(12).unwrap();
        let wide = Features::new(1, 16, vec![1.0; 16]).unwrap();
        assert!(matches!(fitted.score(&wide), Err(ScoreError::Dimension { .. })));
    }

    #[test]
    fn the_score_of_a_training_image_like_all_others_is_minus_two_a_rotation() {
        let train =
            Features::new(3, 12, [3.0, 4.0].repeat(4).into_iter().chain([2.0; 4]).collect::<Vec<_>>().repeat(3));
        let train = train.unwrap();
        let scores = Csi::fit(&train).unwrap().score(&train).unwrap();
        assert!(scores.iter().all(|score| (score + 8.0).abs() < 1e-6), "{scores:?}");
    }
}
