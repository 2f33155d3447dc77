//! Which test images the gallery shows, and where their pixels come from.

use crate::state::{Filter, ImageName, Sort};
use crate::stats::is_anomalous;
use nsa_core::bundle::{BundleError, gallery_from_bytes};
use nsa_core::config::TrainConfig;
use nsa_core::data::{IMAGE_BYTES, ImageSet, Split, synth_digits};
use std::sync::Arc;
use thiserror::Error;

/// On which side an image stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Of the class that the model learned.
    Id,
    /// Of another class.
    Ood,
}

impl Side {
    /// Its word in `data-split`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Ood => "ood",
        }
    }
}

/// Where a gallery image comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    pub side: Side,
    pub class: usize,
    /// Its number among the test images of its class.
    pub index: usize,
}

impl Pick {
    /// How the address calls it.
    pub fn name(&self) -> ImageName {
        ImageName::Test { class: self.class, index: self.index }
    }
}

/// A gallery image.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub pick: Pick,
    /// Planes of red, green and blue, 32 x 32 each.
    pub pixels: Vec<u8>,
}

/// The images that a model was trained on, where the page can draw them again.
#[derive(Debug, PartialEq)]
pub struct TrainingImages {
    /// Positions in the training set of synth-digits, in the order of the model's banks.
    indices: Option<Vec<usize>>,
}

/// A training image that was drawn again.
pub struct TrainingImage {
    pub class: String,
    /// Its number among the training images of its class.
    pub index: usize,
    /// Planes of red, green and blue, 32 x 32 each.
    pub pixels: [u8; IMAGE_BYTES],
}

impl TrainingImages {
    /// The built-in data set's split follows from the settings alone; other people's images are not here.
    pub fn of(config: &TrainConfig) -> Self {
        let n = synth_digits::CLASSES.len();
        let drawn = Source::is_built_in(&config.dataset).then(|| {
            let labels: Vec<u8> = (0..n * synth_digits::TRAIN_PER_CLASS).map(synth_digits::label).collect();
            config.split(&labels, n).ok().map(|split| split.indices)
        });
        Self { indices: drawn.flatten() }
    }

    /// Whether there are pictures.
    pub fn can_be_drawn(&self) -> bool {
        self.indices.is_some()
    }

    /// The image at a position of the model's banks.
    pub fn draw(&self, position: usize) -> Option<TrainingImage> {
        let at = *self.indices.as_ref()?.get(position)?;
        let pixels = synth_digits::nth(synth_digits::SEED, Split::Train, at);
        let classes = synth_digits::CLASSES;
        Some(TrainingImage { class: classes[at % classes.len()].into(), index: at / classes.len(), pixels })
    }
}

/// What a gallery is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub dataset: String,
    /// The class that the model learned.
    pub id_class: usize,
    /// How many images.
    pub n: usize,
    /// Which ones.
    pub seed: usize,
}

/// A gallery file that is not what it should be.
#[derive(Debug, Error)]
#[error("The gallery of {dataset} cannot be shown ({why}): build it again with `nsa gallery --dataset {dataset}`.")]
pub struct GalleryError {
    dataset: String,
    why: BundleError,
}

/// Chooses half of the `n` images from the ID class and spreads the other half evenly over all others. ID and
/// OOD take turns, so that a histogram fills evenly on both sides. `available` are the test images a class has.
/// Another seed draws other images, as long as there are any.
pub fn plan(contents: &Contents, available: &[usize]) -> Vec<Pick> {
    let others: Vec<usize> =
        (0..available.len()).filter(|&class| class != contents.id_class && available[class] > 0).collect();
    let stock = available.get(contents.id_class).copied().unwrap_or(0);
    let half = contents.n / 2;
    let per_other = half.div_ceil(others.len().max(1));

    let id = (0..half.min(stock)).map(|k| Pick {
        side: Side::Id,
        class: contents.id_class,
        index: (contents.seed * half + k) % stock,
    });
    let ood = (0..contents.n - half).filter_map(|k| {
        let class = others[..].get(k % others.len().max(1)).copied()?;
        let turn = k / others.len();
        (turn < available[class]).then(|| Pick {
            side: Side::Ood,
            class,
            index: (contents.seed * per_other + turn) % available[class],
        })
    });
    take_turns(id.collect(), ood.collect())
}

/// The images that `filter` lets through, in the order of `sort`; images without a score come last.
pub fn order(
    images: &[Arc<Image>],
    values: &[Option<f32>],
    threshold: Option<f64>,
    sort: Sort,
    filter: Filter,
) -> Vec<usize> {
    let value = |i: usize| values.get(i).copied().flatten();
    let side = |i: usize| images[i].pick.side;
    let shown = |&i: &usize| match filter {
        Filter::All => true,
        Filter::Id => side(i) == Side::Id,
        Filter::Ood => side(i) == Side::Ood,
        Filter::Mistakes => is_mistake(side(i), value(i), threshold),
    };
    let mut order: Vec<usize> = (0..images.len()).filter(shown).collect();
    match sort {
        Sort::Score => order.sort_by(|&a, &b| {
            let key = |i| value(i).unwrap_or(f32::INFINITY);
            key(a).total_cmp(&key(b)).then(a.cmp(&b))
        }),
        Sort::Class => order.sort_by_key(|&i| (side(i) == Side::Ood, images[i].pick.class, images[i].pick.index)),
    }
    order
}

/// Whether the threshold puts an image on the wrong side.
pub fn is_mistake(side: Side, value: Option<f32>, threshold: Option<f64>) -> bool {
    let (Some(value), Some(threshold)) = (value, threshold) else { return false };
    is_anomalous(value, threshold) != (side == Side::Ood)
}

fn take_turns(a: Vec<Pick>, b: Vec<Pick>) -> Vec<Pick> {
    let (mut a, mut b, mut all) = (a.into_iter(), b.into_iter(), Vec::new());
    loop {
        let before = all.len();
        all.extend(a.next());
        all.extend(b.next());
        if all.len() == before {
            return all;
        }
    }
}

/// Test images that can be drawn on without a pause.
pub enum Source {
    /// Drawn by a program.
    SynthDigits,
    /// Read from `assets/galleries/<dataset>.safetensors`.
    File(ImageSet),
}

impl Source {
    /// Whether a data set needs no file.
    pub fn is_built_in(dataset: &str) -> bool {
        dataset == "synth-digits"
    }

    /// Reads and checks a gallery file.
    pub fn from_file(dataset: &str, bytes: &[u8]) -> Result<Self, GalleryError> {
        // The names of the classes come with the bundle, which may not be here yet: any label will do.
        let names: Vec<String> = (0..256).map(|label| label.to_string()).collect();
        let images = gallery_from_bytes(bytes, &names);
        images.map(Self::File).map_err(|why| GalleryError { dataset: dataset.into(), why })
    }

    /// How many test images each class has.
    pub fn available(&self) -> Vec<usize> {
        match self {
            Self::SynthDigits => vec![synth_digits::TEST_PER_CLASS; synth_digits::CLASSES.len()],
            Self::File(images) => {
                let classes = images.labels().iter().max().map_or(0, |&last| usize::from(last) + 1);
                (0..classes).map(|class| images.of_class(class).len()).collect()
            }
        }
    }

    /// Draws one image; none if there is no such image.
    pub fn image(&self, pick: Pick) -> Option<Image> {
        let pixels = match self {
            Self::SynthDigits => {
                let class = u8::try_from(pick.class).ok()?;
                synth_digits::image(synth_digits::SEED, Split::Test, class, pick.index).to_vec()
            }
            Self::File(images) => images.image(*images.of_class(pick.class).get(pick.index)?).to_vec(),
        };
        Some(Image { pick, pixels })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nsa_core::bundle::gallery_to_bytes;
    use nsa_core::data::IMAGE_BYTES;

    fn contents(n: usize, seed: usize) -> Contents {
        Contents { dataset: "synth-digits".into(), id_class: 3, n, seed }
    }

    #[test]
    fn half_is_id_and_the_other_classes_share_the_rest() {
        let picks = plan(&contents(72, 0), &[200; 10]);
        assert_eq!(picks.len(), 72);
        assert_eq!(picks.iter().filter(|p| p.side == Side::Id).count(), 36);
        for class in (0..10).filter(|&c| c != 3) {
            assert_eq!(picks.iter().filter(|p| p.class == class).count(), 4);
        }
        assert!(picks.chunks(2).all(|pair| pair[0].side == Side::Id && pair[1].side == Side::Ood));
    }

    #[test]
    fn seeds_draw_distinct_images() {
        let (first, second) = (plan(&contents(72, 0), &[200; 10]), plan(&contents(72, 1), &[200; 10]));
        assert!(first.iter().all(|pick| !second.contains(pick)));
        let many = plan(&contents(400, 999), &[200; 10]);
        let mut distinct: Vec<_> = many.iter().map(|p| (p.class, p.index)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 400);
    }

    #[test]
    fn the_gallery_is_sorted_and_filtered() {
        let image = |side, class| Arc::new(Image { pick: Pick { side, class, index: 0 }, pixels: Vec::new() });
        let images = [image(Side::Id, 3), image(Side::Ood, 1), image(Side::Id, 3), image(Side::Ood, 0)];
        let values = [Some(0.9), Some(0.2), None, Some(0.8)];
        let order = |sort, filter| order(&images, &values, Some(0.5), sort, filter);
        assert_eq!(order(Sort::Score, Filter::All), [1, 3, 0, 2]);
        assert_eq!(order(Sort::Class, Filter::All), [0, 2, 3, 1]);
        assert_eq!(order(Sort::Score, Filter::Id), [0, 2]);
        assert_eq!(order(Sort::Score, Filter::Mistakes), [1, 0]);
    }

    #[test]
    fn training_images_are_drawn_by_their_place_in_the_banks() {
        let config = TrainConfig { id_class: 2, validation: 0, ..Default::default() };
        let drawn = TrainingImages::of(&config).draw(17).unwrap();
        assert_eq!((drawn.class.as_str(), drawn.index), ("2", 17));
        assert_eq!(drawn.pixels, synth_digits::image(synth_digits::SEED, Split::Train, 2, 17));
        // Outliers come last, and are of other classes.
        let polluted = TrainingImages::of(&TrainConfig { pollution: 0.1, ..config });
        assert_eq!(polluted.draw(4999).unwrap().class, "2");
        assert_ne!(polluted.draw(5000).unwrap().class, "2");
        assert!(polluted.draw(5556).is_none() && polluted.draw(5555).is_some());
        // What is held back for validation has no place.
        let held = TrainingImages::of(&TrainConfig { id_class: 2, validation: 250, ..Default::default() });
        assert!(held.draw(4749).is_some() && held.draw(4750).is_none());
        let other = TrainingImages::of(&TrainConfig { dataset: "svhn".into(), ..Default::default() });
        assert!(!other.can_be_drawn() && other.draw(0).is_none());
    }

    #[test]
    fn few_images_are_not_repeated() {
        let picks = plan(&contents(20, 5), &[1, 0, 2, 3]);
        assert_eq!(picks.len(), 3 + 1 + 2);
        assert_eq!(plan(&contents(20, 0), &[]), []);
    }

    #[test]
    fn a_gallery_file_is_read_and_a_bad_one_is_named() {
        let mut pixels = vec![0; 2 * IMAGE_BYTES];
        pixels[IMAGE_BYTES..].fill(9);
        let classes = vec!["shirt".to_string(), "boot".to_string()];
        let file = gallery_to_bytes(&ImageSet::new(pixels, vec![1, 0], classes).unwrap()).unwrap();
        let source = Source::from_file("fashion", &file).unwrap();
        assert_eq!(source.available(), [1, 1]);
        let pick = Pick { side: Side::Id, class: 0, index: 0 };
        assert_eq!(source.image(pick).unwrap().pixels, vec![9; IMAGE_BYTES]);
        assert_eq!(source.image(Pick { index: 1, ..pick }), None);

        for bad in [&file[..80], b"<html>"] {
            let error = Source::from_file("fashion", bad).err().unwrap().to_string();
            assert!(error.contains("nsa gallery --dataset fashion"), "{error}");
        }
    }
}
