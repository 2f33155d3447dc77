//! Directions in f32, without loss where they are close to each other.

use super::ScoreError;
use crate::Features;
use crate::vectors::cosine::{Directions, scales};
use crate::vectors::search::Points;
use crate::vectors::spectrum::mean;

/// Where directions are seen from: as what they differ from their mean by, they keep in f32 the digits that unit vectors
/// close to each other would lose.
#[derive(Debug, Clone)]
pub(crate) struct UnitFrame {
    centre: Vec<f64>,
}

/// One over the length of each vector, which errors call `what`.
pub(crate) fn unit_scales(vectors: &Features, what: &'static str) -> Result<Vec<f64>, ScoreError> {
    scales(vectors, None).map_err(|row| ScoreError::ZeroVector { what, row })
}

impl UnitFrame {
    /// The frame of training features, and their directions in it.
    pub(crate) fn fit(train: &Features) -> Result<(Self, Features), ScoreError> {
        let scales = unit_scales(train, "training feature")?;
        let directions = Directions::of(train, &scales);
        let frame = Self { centre: mean(&directions) };
        let placed = frame.seen(directions);
        Ok((frame, placed))
    }

    /// Directions of queries in the frame.
    pub(crate) fn place(&self, queries: &Features) -> Result<Features, ScoreError> {
        Ok(self.seen(Directions::of(queries, &unit_scales(queries, "query")?)))
    }

    /// Values of about this size are rounded in directions.
    pub(crate) fn size(&self) -> f64 {
        self.centre.iter().fold(0.0, |most, c| c.abs().max(most))
    }

    /// Variance of the mean's values about their own mean.
    pub(crate) fn variance(&self) -> f64 {
        let n = self.centre.len() as f64;
        let mean = self.centre.iter().sum::<f64>() / n;
        self.centre.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / n
    }

    fn seen(&self, directions: Directions<'_>) -> Features {
        let mut row = vec![0.0; directions.dim()];
        let mut values = Vec::with_capacity(directions.n() * directions.dim());
        for i in 0..directions.n() {
            directions.read(i, 0, &mut row);
            values.extend(row.iter().zip(&self.centre).map(|(x, c)| (x - c) as f32));
        }
        Features::of_finite(directions.n(), directions.dim(), values)
    }
}
