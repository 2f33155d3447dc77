//! What a method costs and what it must know: the columns of the paper's table 2, and what a training step embeds.

use nsa_core::config::Objective;
use nsa_core::model::Layer;

/// The cost of a method with one of its scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Pictures of an image that a training step embeds.
    pub pictures: usize,
    /// Passes through the network that the score of a test image takes.
    pub passes: usize,
    /// Whether it takes an image that is turned for another one.
    pub turns: bool,
}

impl Cost {
    /// The titles of its columns.
    pub const TITLES: [&str; 3] = ["pictures a step", "passes a test image", "takes turned images for others"];

    /// Of an objective, judged on a feature map.
    pub fn of(objective: Objective, layer: Layer) -> Self {
        let shifts = objective.shifts().all().len();
        Self {
            pictures: objective.pictures(),
            passes: if layer == Layer::Shifts { shifts } else { 1 },
            turns: objective.rotates_views() || shifts > 0,
        }
    }

    /// Its columns in words.
    pub fn words(self) -> [String; 3] {
        let turns = if self.turns { "yes" } else { "no" };
        [self.pictures.to_string(), self.passes.to_string(), turns.into()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_score_of_transformations_takes_many_passes() {
        let cost = |objective, layer| Cost::of(objective, layer).words().join(" ");
        assert_eq!(cost(Objective::Simsiam, Layer::EMBEDDING), "2 1 no");
        assert_eq!(cost(Objective::Geom, Layer::Shifts), "4 72 yes");
        assert_eq!(cost(Objective::Rotnet, Layer::EMBEDDING), "4 1 yes");
        assert_eq!(cost(Objective::Droc, Layer::EMBEDDING), "8 1 yes");
    }
}
