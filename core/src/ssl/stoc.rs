//! When STOC refines its data (Yoon et al. 2021, section 4.1): learning and refining in turns. What is left out is in
//! [`refined`](crate::score::refined), what is learned is SimCLR(-), as DROC learns.

use crate::score::CLASSIFIERS;

/// Epochs after which it is often refined, because features change fast; later it is after every five hundredth.
const EARLY: [usize; 7] = [1, 2, 5, 10, 20, 50, 100];
const LATE: usize = 500;

/// Whether the data are refined after `epoch` epochs.
pub(super) fn refines(epoch: usize) -> bool {
    EARLY.contains(&epoch) || epoch > 0 && epoch.is_multiple_of(LATE)
}

/// How many classifiers are fitted for a run of so many epochs: five a refinement, and five for the last classifier.
pub fn classifiers(epochs: usize) -> usize {
    CLASSIFIERS * (1 + (1..=epochs).filter(|&epoch| refines(epoch)).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Norm, Objective, TrainConfig};
    use crate::data::{ImageSet, Split, synth_digits};
    use crate::model::save_weights;
    use crate::ssl::{Kept, Run};
    use burn::backend::Autodiff;
    use burn_flex::Flex;
    use pollster::block_on;

    type B = Autodiff<Flex>;

    #[test]
    fn the_authors_2048_epochs_take_table_2_s_sixty_classifiers() {
        assert_eq!([0, 1, 2048].map(classifiers), [5, 10, 60]);
    }

    fn begin(checkpoint: Option<&[u8]>, images: &ImageSet) -> Run<B> {
        let objective = Objective::Stoc;
        let config =
            TrainConfig { objective, norm: Norm::None, width: 2, batch: 4, epochs: 4, ..TrainConfig::default() };
        let kept = Kept { checkpoint, ..Kept::default() };
        Run::begin(config, images.clone(), None, kept, Default::default()).unwrap()
    }

    fn train(run: &mut Run<B>, epochs: usize) {
        while run.position().0 < epochs {
            block_on(run.advance(async |_| ())).unwrap();
        }
    }

    #[test]
    fn it_learns_of_fewer_images_and_a_resumed_run_of_the_same() {
        let images = synth_digits::generate(synth_digits::SEED, Split::Train, 4);
        let mut whole = begin(None, &images);
        let steps = whole.steps();
        train(&mut whole, 1);
        let kept = whole.learns_from();
        assert!(kept < images.len() && 2 * kept >= images.len(), "{kept} of {}", images.len());
        // The budget stays.
        assert_eq!(whole.steps(), steps);
        // Three epochs learn of what was kept after the second.
        train(&mut whole, 3);
        let bytes = block_on(whole.checkpoint()).unwrap();
        let mut resumed = begin(Some(&bytes), &images);
        assert_eq!(block_on(resumed.checkpoint()).unwrap(), bytes);
        assert_eq!(resumed.learns_from(), whole.learns_from());
        for run in [&mut whole, &mut resumed] {
            train(run, 4);
        }
        assert_eq!(save_weights(&whole.network()).unwrap(), save_weights(&resumed.network()).unwrap());

        // Positions that are no images of this run.
        let few = images.select(&(0..10).collect::<Vec<_>>());
        let config = whole.config().clone();
        let kept = Kept { checkpoint: Some(&bytes), ..Kept::default() };
        let error = Run::<B>::begin(config, few, None, kept, Default::default()).err().unwrap().to_string();
        assert!(error.contains("it keeps images that there are not"), "{error}");
    }
}
