//! The points of the picture.

use super::viewpoint::{Point, on_ball};
use crate::gallery::{Image, Side, Source};
use crate::lab::OwnImage;
use crate::replay::Replay;
use crate::state::ImageName;
use nsa_engine::train::protocol::{Frame, Prepared};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a point is drawn as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An image of the ID class.
    Id,
    /// An image of another class.
    Ood,
    Own,
}

/// What a point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A sample of the frames, by its position in the test set.
    Sample(u32),
    /// A gallery image, by its position.
    Image(usize),
    /// A person's own image, by its key.
    Own(u32),
}

/// A point of the picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Dot {
    pub at: Point,
    /// What it is drawn as.
    pub kind: Kind,
    /// What it stands for.
    pub origin: Origin,
    /// How the address calls it.
    pub name: ImageName,
    /// Its class; none of own images.
    pub class: Option<usize>,
    /// Angle to the ID mean, radians.
    pub angle: f32,
    pub score: Option<f32>,
}

/// Where the engine puts images: first the gallery's, then a person's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Projected {
    /// How many of the gallery's images it is about.
    pub images: usize,
    /// Keys of the person's own images that it is about.
    pub own: Vec<u32>,
    /// Angle to the ID mean in radians, an image each.
    pub angles: Vec<f32>,
    /// Direction around it in radians, an image each.
    pub azimuths: Vec<f32>,
    /// First three principal components, an image each.
    pub points: Vec<[f32; 3]>,
    /// Share of the variance along each component, 0 to 1.
    pub explained: [f32; 3],
}

impl Projected {
    /// Where image `i` of `projected` lies among principal components, the farthest image at distance 1.
    fn component_point(&self, i: usize) -> Option<Point> {
        let length = |p: &[f32; 3]| p.iter().map(|x| x * x).sum::<f32>().sqrt();
        let farthest = self.points.iter().map(length).fold(f32::MIN_POSITIVE, f32::max);
        self.points.get(i).map(|p| p.map(|x| f64::from(x / farthest)))
    }

    fn place(&self, i: usize, components: bool) -> Option<(Point, f32)> {
        let angle = *self.angles.get(i)?;
        let at = match components {
            true => self.component_point(i)?,
            false => on_ball(angle.into(), (*self.azimuths.get(i)?).into()),
        };
        Some((at, angle))
    }
}

/// How the address calls a sample of the frames. In synth-digits test image i is digit i % 10, its number i / 10, so
/// that gallery and frames name the same image alike.
pub fn name_of(dataset: &str, position: u32) -> ImageName {
    match Source::is_built_in(dataset) {
        true => ImageName::Test { class: position as usize % 10, index: position as usize / 10 },
        false => ImageName::Sample(position),
    }
}

/// The samples at a checkpoint, on the map of exact angles.
pub fn sample_dots(replay: &Replay, frame: usize) -> Vec<Dot> {
    let frames = &replay.frames;
    let row = |column| replay.row(column, frame).iter();
    let values = row(&frames.angle).zip(row(&frames.azimuth)).zip(row(&frames.score)).enumerate();
    values
        .map(|(sample, ((&angle, &azimuth), &score))| Dot {
            at: on_ball(angle.into(), azimuth.into()),
            kind: if replay.is_id(sample) { Kind::Id } else { Kind::Ood },
            origin: Origin::Sample(frames.index[sample]),
            name: name_of(&replay.manifest.config.dataset, frames.index[sample]),
            class: frames.labels.get(sample).map(|&label| label.into()),
            angle,
            score: Some(score),
        })
        .collect()
}

/// The samples of a run that trains in the page on `dataset`, on the map of exact angles.
pub fn frame_dots(frame: &Frame, run: &Prepared, dataset: &str) -> Vec<Dot> {
    let places = frame.angle.iter().zip(&frame.azimuth).zip(&frame.score);
    let images = run.labels.iter().zip(&run.index).enumerate();
    let dot = |((sample, (&label, &index)), ((&angle, &azimuth), &score))| Dot {
        at: on_ball(f64::from(angle), f64::from(azimuth)),
        kind: if sample < run.id { Kind::Id } else { Kind::Ood },
        origin: Origin::Sample(index),
        name: name_of(dataset, index),
        class: Some(usize::from(label)),
        angle,
        score: Some(score),
    };
    images.zip(places).map(dot).collect()
}

/// The gallery's images, where the engine has placed them.
pub fn gallery_dots(
    images: &[Arc<Image>],
    values: &[Option<f32>],
    projected: &Projected,
    components: bool,
) -> Vec<Dot> {
    let dot = |(i, image): (usize, &Arc<Image>)| {
        let (at, angle) = projected.place(i, components)?;
        Some(Dot {
            at,
            kind: if image.pick.side == Side::Id { Kind::Id } else { Kind::Ood },
            origin: Origin::Image(i),
            name: image.pick.name(),
            class: Some(image.pick.class),
            angle,
            score: values.get(i).copied().flatten(),
        })
    };
    images.iter().take(projected.images).enumerate().filter_map(dot).collect()
}

/// A person's own images, where the engine has placed them; those taken away since are left out.
pub fn own_dots(own: &[OwnImage], score: usize, projected: &Projected, components: bool) -> Vec<Dot> {
    let dot = |(i, key): (usize, &u32)| {
        let image = own.iter().find(|image| image.key == *key)?;
        let (at, angle) = projected.place(projected.images + i, components)?;
        Some(Dot {
            at,
            kind: Kind::Own,
            origin: Origin::Own(image.key),
            name: ImageName::Own(image.key),
            class: None,
            angle,
            score: image.value(score),
        })
    };
    projected.own.iter().enumerate().filter_map(dot).collect()
}

/// Gallery images that are among the samples of the last checkpoint: position in the gallery, angle, azimuth.
pub fn known_places(images: &[Arc<Image>], replay: &Replay) -> Vec<(usize, f32, f32)> {
    let Some(frame) = replay.frame_at(None) else { return Vec::new() };
    let frames = &replay.frames;
    let (angle, azimuth) = (replay.row(&frames.angle, frame), replay.row(&frames.azimuth, frame));
    let dataset = &replay.manifest.config.dataset;
    let places: BTreeMap<_, _> = frames
        .index
        .iter()
        .zip(angle.iter().zip(azimuth))
        .filter_map(|(&position, place)| match name_of(dataset, position) {
            ImageName::Test { class, index } => Some(((class, index), place)),
            _ => None,
        })
        .collect();
    let place = |(i, image): (usize, &Arc<Image>)| {
        let (angle, azimuth) = places.get(&(image.pick.class, image.pick.index))?;
        Some((i, **angle, **azimuth))
    };
    images.iter().enumerate().filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::Pick;
    use crate::lab::OwnProgress;
    use crate::replay::tests::replay;

    #[test]
    fn samples_lie_at_their_true_angle() {
        let dots = sample_dots(&replay(), 1);
        assert_eq!(dots.iter().map(|d| d.kind).collect::<Vec<_>>(), [Kind::Id, Kind::Id, Kind::Ood]);
        for dot in &dots {
            assert!((dot.at[2].acos() - f64::from(dot.angle)).abs() < 1e-7);
        }
        assert_eq!(dots[0].name, ImageName::Test { class: 2, index: 17 });
        assert_eq!(name_of("fashion-mnist", 172), ImageName::Sample(172));
        assert!(sample_dots(&replay(), 9).is_empty());
    }

    #[test]
    fn samples_of_a_run_in_training_are_the_digits_they_are() {
        let run = Prepared {
            images: 64,
            outliers: 0,
            steps: 8,
            views: 16,
            measured: 0,
            epochs_done: 1,
            id: 1,
            labels: vec![2, 5],
            index: vec![172, 15],
        };
        let frame = Frame { epoch: 1, angle: vec![0.25, 1.5], azimuth: vec![0.0, 1.0], score: vec![0.5, 0.75] };
        let dots = frame_dots(&frame, &run, "synth-digits");
        assert_eq!(dots.iter().map(|d| d.kind).collect::<Vec<_>>(), [Kind::Id, Kind::Ood]);
        assert_eq!(dots[1].name, ImageName::Test { class: 5, index: 1 });
        assert!((dots[1].at[2] - 1.5_f64.cos()).abs() < 1e-7);
        assert_eq!((dots[0].angle, dots[0].score, dots[0].class), (0.25, Some(0.5), Some(2)));
        assert!(frame_dots(&Frame::default(), &run, "synth-digits").is_empty(), "before the first measurement");
    }

    fn image(class: usize, index: usize) -> Arc<Image> {
        let side = if class == 2 { Side::Id } else { Side::Ood };
        Arc::new(Image { pick: Pick { side, class, index }, pixels: Vec::new() })
    }

    #[test]
    fn live_images_lie_where_the_engine_puts_them() {
        let projected = Projected {
            images: 2,
            own: vec![9, 7],
            angles: vec![0.5, 1.5, 0.1, 0.7],
            azimuths: vec![0.0, 1.0, 1.5, 2.0],
            points: vec![[0.3, 0.0, 0.0], [0.0, 0.6, 0.0], [0.0, 0.0, -0.15], [0.0; 3]],
            explained: [0.5, 0.3, 0.1],
        };
        let dots = |components| gallery_dots(&[image(2, 4), image(7, 4)], &[Some(0.1), None], &projected, components);
        assert!((dots(false)[1].at[2] - 1.5_f64.cos()).abs() < 1e-7);
        assert!((dots(true)[0].at[0] - 0.5).abs() < 1e-6 && (dots(true)[1].at[1] - 1.0).abs() < 1e-6);
        let later = Projected { images: 0, ..Projected::default() };
        assert_eq!(gallery_dots(&[image(2, 4)], &[None], &later, false), [], "not placed yet");

        let own = OwnImage {
            key: 7,
            name: "x.png".into(),
            pixels: None,
            progress: OwnProgress::Scored(vec![0.25]),
            angle: Some(0.7),
        };
        let placed = own_dots(&[own], 0, &projected, false);
        assert_eq!(placed.len(), 1, "image 9 has been taken away");
        assert_eq!((placed[0].origin, placed[0].score), (Origin::Own(7), Some(0.25)));
        assert!((placed[0].at[1] - 0.7_f64.sin() * 2.0_f64.sin()).abs() < 1e-6);
    }

    #[test]
    fn the_gallery_finds_its_images_among_the_samples() {
        // Samples 172, 12 and 41 are the digits 2, 2 and 1 with the numbers 17, 1 and 4.
        let known = known_places(&[image(2, 3), image(1, 4), image(2, 17)], &replay());
        assert_eq!(known, [(1, 1.4, 2.2), (2, 0.2, 0.2)]);
        let mut other = replay();
        other.manifest.config.dataset = "fashion-mnist".into();
        assert_eq!(known_places(&[image(1, 4)], &other), []);
    }
}
