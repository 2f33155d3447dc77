//! One training run: a network, its optimiser, and where it stands.

use super::adam::Adam;
use super::elsa;
use super::target::{self, Target};
use super::{
    byol_loss, energy_loss, goad_loss, hardest, inlier_loss, n_pair_loss, nt_xent_loss, outlier_loss, panda_centre,
    restoration_loss, shift_loss, simsiam_loss, svdd_centre, svdd_loss,
};
use crate::Features;
use crate::augment::Views;
use crate::config::{Objective, TrainConfig};
use crate::data::ImageSet;
use crate::model::{Network, Shifts, StateDict, WeightsError, greyed};
use crate::rng::Rng;
use burn::module::AutodiffModule;
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::{GradientsParams, Optimizer};
use burn::tensor::{
    Tensor, TensorData,
    backend::{AutodiffBackend, Backend},
};
use thiserror::Error;

mod checkpoint;

/// Batches that an untrained network is shown before it is measured: its running statistics then come from them to
/// 88 % (momentum 0.1).
const CALIBRATION: usize = 20;

/// Trains a network by a [`TrainConfig`], epoch by epoch, the same way natively and in the browser.
///
/// Everything random is drawn from streams named by (seed, epoch, step), so a run that is continued from a
/// checkpoint at the end of an epoch sees exactly what it would have seen.
pub struct Trainer<B: AutodiffBackend> {
    config: TrainConfig,
    network: Network<B>,
    /// BYOL only.
    target: Option<Target<B>>,
    optimizer: OptimizerAdaptor<Adam, Network<B>, B>,
    epochs_done: usize,
    /// STOC only: positions of the images that it goes on with, once it has refined them.
    kept: Option<Vec<usize>>,
    /// ELSA only: the anomalies that it is told of.
    known: Option<ImageSet>,
    device: B::Device,
}

/// What a step shows the network, scaled for the encoder.
#[derive(Debug, Clone)]
pub(super) struct Shown<B: Backend> {
    /// Two random views of every image, with rotations where the objective wants them; or one tensor of the images as they
    /// are, or transformed.
    views: Vec<Tensor<B, 4>>,
    /// By which of [`Shifts::all`] each picture of a view was made, where that is to be told.
    which: Vec<usize>,
    /// Where DROCC's search for anomalies begins: what is added to the images. For ARNet what each picture was made of.
    beside: Option<Tensor<B, 4>>,
    /// In ELSA's fine-tuning, how many of each view's last pictures show known anomalies.
    known: Option<usize>,
}

impl<B: Backend> Shown<B> {
    /// Pictures of which nothing is to be told.
    pub fn of(views: impl Into<Vec<Tensor<B, 4>>>) -> Self {
        Self { views: views.into(), which: Vec::new(), beside: None, known: None }
    }
}

/// Why training cannot go on.
#[derive(Debug, Error)]
pub enum TrainerError {
    /// Fewer images than a batch norm can normalise.
    #[error("training needs at least 2 images, found {0}")]
    TooFew(usize),
    /// No anomalies to be told of.
    #[error("{0} learns from known anomalies: the training split must hold images of the class after the normal one")]
    Untold(Objective),
    /// A checkpoint that is cut or of another network, or no checkpoint at all.
    #[error("the checkpoint cannot be read: {0}")]
    Checkpoint(String),
    /// A checkpoint of another version.
    #[error(
        "the checkpoint must be of version {expected}, found {found}: go on with the program that wrote it, or train \
             the run again from its settings"
    )]
    Version {
        /// What this code reads.
        expected: u32,
        /// What was found.
        found: u32,
    },
    /// Weights from elsewhere that are not this network's.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The device failed, or was lost.
    #[error("the device did not give the weights back: {0}")]
    Device(String),
}

impl<B: AutodiffBackend> Trainer<B> {
    /// A run that has not begun.
    pub fn new(config: TrainConfig, device: B::Device) -> Self {
        let init = || config.network().init(config.seed, &device);
        let (network, target) = (init(), (config.objective == Objective::Byol).then(|| Target::new(init())));
        Self { config, network, target, optimizer: Adam::new().into(), epochs_done: 0, kept: None, known: None, device }
    }

    /// The settings.
    pub fn config(&self) -> &TrainConfig {
        &self.config
    }

    /// Where it computes.
    pub fn device(&self) -> &B::Device {
        &self.device
    }

    /// Changes the peak learning rate from the next step on; its schedule goes on.
    pub fn set_learning_rate(&mut self, lr: f64) {
        self.config.lr = lr;
    }

    /// Epochs finished.
    pub fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// The network as it stands, for inference.
    pub fn network(&self) -> Network<B::InnerBackend> {
        self.network.valid()
    }

    /// How many steps an epoch of `images` images has: the last, smaller batch is left out (its batch norm would
    /// be another one), unless it is the only one.
    pub fn steps_per_epoch(&self, images: usize) -> usize {
        (images / self.config.batch).max(1)
    }

    /// The image indices of one epoch, a batch an entry.
    pub fn batches(&self, images: usize, epoch: usize) -> Vec<Vec<usize>> {
        let pass = |place: &[u64], images| Rng::new(self.config.seed, "order", place).permutation(images);
        let order = match &self.kept {
            None => pass(&[epoch as u64], images),
            // As many steps as before, over fewer images more often: the budget of a run is that of all others.
            Some(kept) => (0..)
                .flat_map(|again| pass(&[epoch as u64, again], kept.len()))
                .map(|image| kept[image])
                .take(images)
                .collect(),
        };
        order.chunks(self.config.batch).take(self.steps_per_epoch(images)).map(<[usize]>::to_vec).collect()
    }

    /// How many of `images` images it learns from.
    pub(super) fn learns_from(&self, images: usize) -> usize {
        self.kept.as_ref().map_or(images, Vec::len)
    }

    /// From now on the epochs are of these images, by position; at least one.
    pub(super) fn keep(&mut self, images: Vec<usize>) {
        self.kept = Some(images);
    }

    /// Tells it of anomalies.
    pub(super) fn tell(&mut self, known: ImageSet) {
        self.known = Some(known);
    }

    /// Places ELSA's prototypes among the projections of its images, `n x z`.
    pub(super) fn place_prototypes(&mut self, projections: &Features) {
        let rng = Rng::new(self.config.seed, "prototypes", &[self.epochs_done as u64]);
        self.network.prototypes = Some(elsa::prototypes(projections, rng, &self.device));
    }

    /// Whether epoch `epoch` is one of ELSA's fine-tuning.
    fn fine_tunes(&self, epoch: usize) -> bool {
        self.config.objective == Objective::Elsa && epoch >= elsa::pretraining(self.config.epochs)
    }

    /// One optimiser step on two views of the batch `indices` of `images`; returns the loss, still on the device.
    pub fn step(
        &mut self,
        images: &ImageSet,
        indices: &[usize],
        epoch: usize,
        step: usize,
    ) -> Tensor<B::InnerBackend, 1> {
        let rng = Rng::new(self.config.seed, "augment", &[epoch as u64, step as u64]);
        let shown = if self.fine_tunes(epoch) {
            self.beside_anomalies(images, indices, rng)
        } else {
            self.shown(images, indices, rng)
        };
        let steps_per_epoch = self.steps_per_epoch(images.len());
        let (at, steps) = (epoch * steps_per_epoch + step, self.config.epochs * steps_per_epoch);
        let momentum = target::momentum(self.config.ema_momentum, at as f64 / steps as f64);
        self.step_on(&shown, self.config.learning_rate(at, steps), momentum)
    }

    /// What a step shows the network of the batch `indices` of `images`.
    fn shown(&self, images: &ImageSet, indices: &[usize], mut rng: Rng) -> Shown<B> {
        let (objective, pixels) = (self.config.objective, self.network.pixels());
        let shifts = objective.shifts();
        // Each of an image's four turns has a crop and colours of its own.
        let copies = if objective.rotates_views() { Shifts::Turns.all().len() } else { 1 };
        let views = Views::<B>::new(images, &indices.repeat(copies), &self.device);
        if objective.draws_views() {
            let view = |()| {
                let view = pixels.apply(views.draw(&self.config.augment, &mut rng));
                if objective.rotates_views() { turned(view) } else { view }
            };
            let views: Vec<_> = [(); 2].map(view).into();
            // All images turned by nothing come first, then all turned once, and so on.
            let which = (0..shifts.all().len()).flat_map(|turn| std::iter::repeat_n(turn, indices.len()));
            return Shown { which: which.collect(), ..Shown::of(views) };
        }
        let images = pixels.apply(views.images());
        if objective == Objective::Drocc {
            let shape = images.dims();
            let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.normal() as f32).collect();
            let start = Tensor::from_data(TensorData::new(values, shape), &self.device);
            return Shown { beside: Some(start), ..Shown::of([images]) };
        }
        if shifts == Shifts::None {
            return Shown::of([images]);
        }
        let moves: Vec<usize> = indices.iter().map(|_| rng.below(shifts.all().len() / 4)).collect();
        let beside = (objective == Objective::Arnet).then(|| images.clone().repeat_dim(0, shifts.all().len()));
        let (pictures, which) = shifts.show(images, &moves);
        let pictures = if objective == Objective::Arnet { greyed(pictures) } else { pictures };
        Shown { which, beside, ..Shown::of([pictures]) }
    }

    /// Two views of the batch and, behind them, of its share of the known anomalies.
    fn beside_anomalies(&self, images: &ImageSet, indices: &[usize], mut rng: Rng) -> Shown<B> {
        let known = self.known.as_ref().map_or(0, ImageSet::len);
        let mut chosen = rng.permutation(known);
        chosen.truncate(elsa::beside(known, indices.len(), images.len()));
        let of_class = Views::<B>::new(images, indices, &self.device);
        let anomalies = self.known.as_ref().filter(|_| !chosen.is_empty());
        let anomalies = anomalies.map(|known| Views::<B>::new(known, &chosen, &self.device));
        let view = |()| {
            let all = [Some(&of_class), anomalies.as_ref()].into_iter().flatten();
            let drawn = all.map(|views| self.network.pixels().apply(views.draw(&self.config.augment, &mut rng)));
            Tensor::cat(drawn.collect(), 0)
        };
        Shown { known: Some(chosen.len()), ..Shown::of([(); 2].map(view)) }
    }

    /// Shows a network that has not learned twenty batches in training mode. Its batch norms then have the statistics of
    /// its features; with those that they are made with, 0 and 1, the network that is measured would be another function
    /// than the one that is trained. The centre of Deep SVDD and PANDA is where it then puts the images on average.
    pub fn calibrate(&mut self, images: &ImageSet) {
        let at_once = if self.config.objective.draws_views() { 2 } else { 1 };
        for round in 0..CALIBRATION / at_once {
            let batch = &self.batches(images.len(), round)[0];
            let rng = Rng::new(self.config.seed, "calibrate", &[round as u64]);
            for view in self.shown(images, batch, rng).views {
                self.network.forward(view);
            }
        }
        self.fix_centre(images);
    }

    /// Takes the encoder's weights from another network.
    pub(super) fn load_encoder(&mut self, weights: StateDict) -> Result<(), TrainerError> {
        self.network = self.network.clone().with_encoder(weights)?;
        Ok(())
    }

    /// Has the projections seen from the centre of the images', where the objective has one.
    pub(super) fn fix_centre(&mut self, images: &ImageSet) {
        let network = self.network.valid();
        let all: Vec<usize> = (0..images.len()).collect();
        let project = |batch: &[usize]| {
            let views = Views::<B::InnerBackend>::new(images, batch, &self.device);
            network.forward(network.pixels().apply(views.images()))
        };
        let projected = || Tensor::cat(all.chunks(self.config.batch).map(project).collect(), 0);
        let centre = match self.config.objective {
            Objective::DeepSvdd => svdd_centre(projected()),
            Objective::Panda => panda_centre(projected()),
            _ => return,
        };
        self.network = self.network.clone().centred_on(Tensor::from_inner(centre));
    }

    /// One optimiser step on what is shown, then BYOL's target moves; the loss is the one before the step.
    pub(super) fn step_on(&mut self, shown: &Shown<B>, rate: f64, momentum: f64) -> Tensor<B::InnerBackend, 1> {
        let loss = self.loss(shown);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        self.network = self.optimizer.step(rate, self.network.clone(), gradients);
        if let Some(target) = &mut self.target {
            target.follow(&self.network, momentum);
        }
        loss.inner()
    }

    /// The loss on what is shown.
    fn loss(&self, Shown { views, which, beside, known }: &Shown<B>) -> Tensor<B, 1> {
        let (network, TrainConfig { objective, temperature, .. }) = (&self.network, &self.config);
        let shifts = objective.shifts();
        let embed = |view: usize| network.embedding(&network.encoder.forward(views[view].clone()));
        let project = |view: usize| network.project(embed(view));
        match objective {
            Objective::Simclr | Objective::SimclrRot | Objective::Ssd => {
                nt_xent_loss(project(0), project(1), *temperature)
            }
            Objective::Droc | Objective::Stoc => n_pair_loss(project(0), project(1), *temperature),
            Objective::Elsa => match *known {
                None => nt_xent_loss(project(0), project(1), *temperature),
                Some(known) => {
                    let cosines = |view| network.prototyped(embed(view)).expect("this objective has prototypes");
                    (energy_loss(cosines(0), known) + energy_loss(cosines(1), known)) / 2.0
                }
            },
            Objective::Csi => {
                let classifier = network.classifier.as_ref().expect("this objective has a classifier");
                let [y1, y2] = [0, 1].map(embed);
                let told = |y: &Tensor<B, 2>| shift_loss(shifts, classifier.forward(y.clone()), which);
                let told = (told(&y1) + told(&y2)) / 2.0;
                nt_xent_loss(network.project(y1), network.project(y2), *temperature) + told
            }
            Objective::Simsiam | Objective::Byol => {
                let [z1, z2] = [0, 1].map(project);
                let predictor = network.predictor.as_ref().expect("these two objectives have a predictor");
                let (p1, p2) = (predictor.forward(z1.clone()), predictor.forward(z2.clone()));
                match &self.target {
                    Some(target) => {
                        let [t1, t2] = [0, 1].map(|view: usize| target.forward(views[view].clone()));
                        byol_loss(p1, t1, p2, t2)
                    }
                    None => simsiam_loss(p1, z1, p2, z2),
                }
            }
            Objective::DeepSvdd | Objective::Panda => svdd_loss(project(0)),
            Objective::Goad => {
                let classifier = network.classifier.as_ref().expect("this objective has a classifier");
                let y = embed(0);
                goad_loss(shifts, network.project(y.clone()), classifier.forward(y), which)
            }
            Objective::Arnet => {
                let images = beside.as_ref().expect("this objective's pictures were made of images");
                restoration_loss(project(0), images.clone())
            }
            Objective::Drocc => {
                let (images, start) = (&views[0], beside.as_ref().expect("this objective's search begins somewhere"));
                // Images and anomalies pass apart, as in the authors' code: batch norms normalise each among themselves.
                let of_class = inlier_loss(network.forward(images.clone()));
                let added = hardest(images, start.clone().inner(), |anomalies| network.forward(anomalies));
                of_class + outlier_loss(network.forward(images.clone() + Tensor::from_inner(added)))
            }
            Objective::Rotnet | Objective::RotTrans | Objective::Geom => shift_loss(shifts, project(0), which),
        }
    }

    /// Tells the run that an epoch is finished.
    pub fn finish_epoch(&mut self) {
        self.epochs_done += 1;
    }
}

/// Pictures, `4N x 3 x S x S`: the first N stay as they are, the next are turned by 90, 180 and 270 degrees.
///
/// They are turned when they have been drawn, not before. It is the same: a crop is as likely as the crop turned, and colours
/// do not care. A mirror does: an image is mirrored first and turned then, or a mirrored quarter turn would be three.
pub(super) fn turned<B: Backend>(x: Tensor<B, 4>) -> Tensor<B, 4> {
    let turns = Shifts::Turns.all();
    Tensor::cat(turns.iter().zip(x.chunk(turns.len(), 0)).map(|(turn, pictures)| turn.apply(pictures)).collect(), 0)
}

#[cfg(test)]
mod against_torch;

#[cfg(test)]
mod tests;
