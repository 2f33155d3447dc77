//! Where the images of a run come from: drawn digits, or a person's own.

use nsa_core::config::TrainConfig;
use nsa_core::data::{DataError, ImageSet, OWN_CLASSES, OwnImages, Sides, Split, synth_digits};
use nsa_core::ssl::{TrainingSet, Watch};

/// What a run is given, at its size.
pub(super) struct Given {
    pub set: TrainingSet,
    /// Outliers among its images.
    pub outliers: usize,
    pub validation: Sides<ImageSet>,
    pub test: TestSet,
}

/// What a run is judged by.
pub(super) enum TestSet {
    /// Drawn when they are wanted.
    Digits,
    /// A person's own, 32 x 32.
    Own(ImageSet),
}

impl Given {
    pub fn digits(config: &TrainConfig) -> Result<Self, DataError> {
        let labels = synth_digits::labels(Split::Train);
        let split = config.split(&labels, synth_digits::CLASSES.len())?;
        let [images, known] = [&split.indices, &split.known].map(|places| draw(config, Split::Train, places));
        let set = TrainingSet { images: images?, known: known? };
        let validation = Watch::validation_places(config, &split, &labels);
        let validation = validation.try_map(|places| draw(config, Split::Train, &places))?;
        Ok(Self { set, outliers: split.outliers, validation, test: TestSet::Digits })
    }

    /// Nothing is held back for validation: there are too few.
    pub fn own(config: &TrainConfig, normal: &[u8], odd: &[u8]) -> Result<Self, DataError> {
        let OwnImages { train, test } = OwnImages::new(config, normal, odd)?;
        let images = train.shrunk(config.image_size)?;
        let none = images.select(&[]);
        let validation = Sides { id: none.clone(), ood: none };
        Ok(Self { set: images.into(), outliers: 0, validation, test: TestSet::Own(test) })
    }
}

impl TestSet {
    /// See [`Provenance::data_source`](nsa_core::bundle::Provenance::data_source).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Digits => "synth-digits",
            Self::Own(_) => "images of the person who trained it",
        }
    }

    pub fn classes(&self) -> Vec<String> {
        match self {
            Self::Digits => synth_digits::CLASSES.map(String::from).to_vec(),
            Self::Own(_) => OWN_CLASSES.map(String::from).to_vec(),
        }
    }

    pub fn labels(&self) -> Vec<u8> {
        match self {
            Self::Digits => synth_digits::labels(Split::Test),
            Self::Own(images) => images.labels().to_vec(),
        }
    }

    /// The images at `indices`, at the run's size.
    pub fn select(&self, config: &TrainConfig, indices: &[usize]) -> Result<ImageSet, DataError> {
        match self {
            Self::Digits => draw(config, Split::Test, indices),
            Self::Own(images) => images.select(indices).shrunk(config.image_size),
        }
    }
}

fn draw(config: &TrainConfig, split: Split, indices: &[usize]) -> Result<ImageSet, DataError> {
    synth_digits::select(synth_digits::SEED, split, indices).shrunk(config.image_size)
}
