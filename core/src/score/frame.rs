//! Directions in f32, without loss where they are close to each other.

use super::ScoreError;
use crate::Features;
use crate::vectors::cosine::{Directions, scales};
use crate::vectors::search::Points;

/// Where directions are seen from: as what they differ from their mean by, they keep in f32 the digits that unit vectors
/// close to each other would lose.
#[derive(Debug, Clone)]
pub(crate) struct UnitFrame {
    centre: Vec<f64>,
}

impl UnitFrame {
    /// The frame of training features, and their directions in it.
    pub(crate) fn fit(train: &Features) -> Result<(Self, Features), ScoreError> {
        let scales = scales(train, None).map_err(|row| ScoreError::ZeroVector { what: "training feature", row })?;
        let directions = Directions { vectors: train, shift: None, scales: &scales };
        let (mut centre, mut row) = (vec![0.0; train.dim()], vec![0.0; train.dim()]);
        for i in 0..train.n() {
            directions.read(i, &mut row);
            centre.iter_mut().zip(&row).for_each(|(c, x)| *c += x / train.n() as f64);
        }
        let frame = Self { centre };
        let placed = frame.seen(directions);
        Ok((frame, placed))
    }

    /// Mean of the unit vectors, `dim` values.
    pub(crate) fn centre(&self) -> &[f64] {
        &self.centre
    }

    /// Directions of queries in the frame.
    pub(crate) fn place(&self, queries: &Features) -> Result<Features, ScoreError> {
        let scales = scales(queries, None).map_err(|row| ScoreError::ZeroVector { what: "query", row })?;
        Ok(self.seen(Directions { vectors: queries, shift: None, scales: &scales }))
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
            directions.read(i, &mut row);
            values.extend(row.iter().zip(&self.centre).map(|(x, c)| (x - c) as f32));
        }
        Features::of_finite(directions.n(), directions.dim(), values)
    }
}
