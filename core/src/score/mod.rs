//! Anomaly scores of features (section 2.5, appendices C and G). High means anomalous.
//!
//! The paper's four scores are angles, and a [`Bank`] gives them: to the nearest training feature (k-Cos) or to the
//! mean direction of all (c-Cos), each in the plain feature space or in Mahalanobis space, where the training features
//! are spread equally in all directions. A fifth, [`Scorer::KCosMahCentred`], is equation 2 to the letter. All are of
//! unit features y / |y|; the scorers that end in `-raw` are of y as it is.
//!
//! ```
//! use nsa_core::Features;
//! use nsa_core::score::{Bank, Scorer};
//!
//! let train = Features::new(3, 2, vec![1.0, 0.1, 1.0, -0.1, 0.9, 0.0])?;
//! let queries = Features::new(2, 2, vec![1.0, 0.1, 0.0, 1.0])?;
//! let scores = Bank::fit(&train)?.score(Scorer::KCos, 1, &queries)?;
//! assert_eq!(scores[0], 0.0); // a copy of a training feature
//! assert!(scores[1] > 1.4); // almost a right angle away, in radians
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bank;
mod coreset;
mod csi;
mod dirichlet;
mod energy;
mod ensemble;
mod error;
mod fitted;
mod frame;
mod gaussian;
mod gde;
mod goad;
mod held_out;
mod kde;
mod kernel;
mod knn;
mod length;
mod mahalanobis;
mod minus_mean;
mod oc_svm;
mod stoc;
mod variety;
mod whitening;
mod worth;

pub use crate::measure::Scorer;
pub use bank::{Bank, BankParts, Reading};
pub use coreset::Coreset;
pub use csi::Csi;
pub use dirichlet::Dirichlet;
pub use energy::Energy;
pub use ensemble::{ensemble, scaled};
pub use error::ScoreError;
pub use fitted::{Fitted, score_all};
pub use gde::Gde;
pub use goad::Goad;
pub use held_out::{MIN_GROUPS, held_out};
pub use kde::Kde;
pub use knn::KnnL2;
pub use length::Length;
pub use mahalanobis::{Mahalanobis, MahalanobisShrunk};
pub use minus_mean::MinusMean;
pub use oc_svm::OcSvm;
pub(crate) use stoc::CLASSIFIERS;
pub use stoc::{last_classifier, refined};
pub use variety::Variety;
pub(crate) use variety::median;
pub use whitening::{RELATIVE_TOLERANCE, Whitening};
pub use worth::{auroc_of, range_of};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Features;

    #[test]
    fn every_way_to_write_a_scorer_is_the_same() {
        for scorer in Scorer::ALL {
            assert_eq!(scorer.to_string().parse(), Ok(scorer));
            assert_eq!(serde_json::to_string(&scorer).unwrap(), format!("\"{scorer}\""));
        }
        let error = "cosine".parse::<Scorer>().unwrap_err().to_string();
        assert!(error.contains("k-cos-mah, ") && error.ends_with("found 'cosine'"), "{error}");
    }

    #[test]
    fn every_scorer_ranks_the_opposite_side_highest() {
        let mut rng = crate::rng::Rng::new(1, "score", &[]);
        let mut draw = |n: usize, side: f64| {
            let values = (0..n * 6).map(|i| (if i % 6 == 0 { side } else { 0.3 } + 0.2 * rng.normal()) as f32);
            Features::new(n, 6, values.collect()).unwrap()
        };
        let (train, id, ood) = (draw(200, 1.0), draw(50, 1.0), draw(50, -1.0));
        for scorer in Scorer::ALL.into_iter().filter(|scorer| !Scorer::OF_ROWS.contains(scorer)) {
            let score = |q| score_all(scorer, 2, &train, q).unwrap();
            let auroc = crate::eval::auroc(&score(&id), &score(&ood)).unwrap();
            // Seen from the mean, 200 Gaussian features lie in every direction of six dimensions: an angle to the
            // nearest of them says nothing about how far away a query is.
            // And both sides are equally far from the origin.
            let blind = matches!(scorer, Scorer::KCosMahCentred | Scorer::Length);
            assert!(auroc > if blind { 0.3 } else { 0.99 }, "{scorer}: {auroc}");
            let wide = Features::new(1, 7, vec![1.0; 7]).unwrap();
            assert!(matches!(score_all(scorer, 2, &train, &wide), Err(ScoreError::Dimension { .. })), "{scorer}");
        }
        let bank = Bank::fit(&train).unwrap();
        for scorer in Scorer::ANGULAR {
            assert_eq!(score_all(scorer, 1, &train, &ood), bank.score(scorer, 1, &ood));
        }
    }
}
