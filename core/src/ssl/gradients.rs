//! What sections 2.3 and 2.4 claim of the gradients, and what the rotations of SimCLR(-) do to them.

use super::trainer::{Shown, turned};
use super::{Trainer, byol_loss, nt_xent_loss, simsiam_loss};
use crate::augment::Views;
use crate::config::AugmentConfig;
use crate::config::{Norm, Objective, TrainConfig};
use crate::data::{Split, synth_digits};
use crate::model::lanes::Maps;
use crate::model::{FeatureMaps, Head, HeadShape, Network, NetworkConfig, draw_weights, l2_normalize, load_weights};
use crate::rng::Rng;
use burn::backend::Autodiff;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Tensor, TensorData};
use burn_flex::Flex;

type B = Autodiff<Flex>;

const NORMS: [Norm; 4] = [Norm::None, Norm::F, Norm::G, Norm::Both];

/// A network with the random weights of the golden tests.
fn network(objective: Objective, norm: Norm) -> Network<B> {
    let (width, weights): (_, &[u8]) = match objective {
        Objective::Simsiam => (2, include_bytes!("../../../tests/golden/torch_simsiam.safetensors")),
        Objective::Byol => (2, include_bytes!("../../../tests/golden/torch_byol.safetensors")),
        _ => (3, include_bytes!("../../../tests/golden/torch_simclr.safetensors")),
    };
    load_weights(NetworkConfig { width, objective, norm, ..Default::default() }.init(0, &Default::default()), weights)
        .unwrap()
}

/// The loss of a network's projections of two views. The other side of BYOL and SimSiam is fixed here: no gradient
/// would go into it anyway.
fn loss(network: &Network<B>, objective: Objective, z1: Tensor<B, 2>, z2: Tensor<B, 2>) -> Tensor<B, 1> {
    match &network.predictor {
        Some(predictor) => {
            let (p1, p2) = (predictor.forward(z1.clone()), predictor.forward(z2.clone()));
            if objective == Objective::Byol { byol_loss(p1, z1, p2, z2) } else { simsiam_loss(p1, z1, p2, z2) }
        }
        None => nt_xent_loss(z1, z2, 0.5),
    }
}

fn random(seed: u64, shape: [usize; 2]) -> Tensor<B, 2> {
    let mut rng = Rng::new(seed, "gradients", &[]);
    let values: Vec<f32> = (0..shape[0] * shape[1]).map(|_| 0.3 + rng.normal() as f32).collect();
    Tensor::from_data(TensorData::new(values, shape), &Default::default()).require_grad()
}

fn length<A: Backend>(x: Tensor<A, 2>) -> Tensor<A, 2> {
    x.square().sum_dim(1).sqrt()
}

fn values<A: Backend>(x: Tensor<A, 2>) -> Vec<f32> {
    x.into_data().into_vec().unwrap()
}

/// How far a gradient points along the features: |cos| of each row.
fn along(gradient: Tensor<Flex, 2>, features: Tensor<Flex, 2>) -> Vec<f32> {
    let product = (gradient.clone() * features.clone()).sum_dim(1);
    values((product / (length(gradient) * length(features))).abs())
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len() as f32
}

/// Section 2.3: with norm on f, the gradient that reaches the encoder's output turns it and never scales it.
#[test]
fn norm_on_f_makes_the_gradient_orthogonal_to_the_embedding() {
    let device = Default::default();
    for objective in [Objective::Simsiam, Objective::Byol, Objective::Simclr] {
        for norm in NORMS {
            let network = network(objective, norm);
            let dim = if objective == Objective::Simclr { 24 } else { 16 };
            let (view1, view2) = (random(1, [6, dim]), random(2, [6, dim]));
            let project = |y: &Tensor<B, 2>| {
                let [n, c] = y.dims();
                let last = y.clone().reshape([n, c, 1, 1]);
                let zeros = Tensor::zeros([n, c, 1, 1], &device);
                let maps = FeatureMaps { blocks: [zeros.clone(), zeros.clone(), zeros, last].map(Maps::Plain) };
                network.project(network.embedding(&maps))
            };
            let gradients = loss(&network, objective, project(&view1), project(&view2)).backward();
            let found = [view1, view2].map(|y| along(y.grad(&gradients).unwrap(), y.inner())).concat();
            if norm.on_encoder() {
                assert!(found.iter().all(|a| *a < 1e-5), "{objective}, norm {norm}: {found:?}");
            } else {
                assert!(mean(&found) > 1e-2, "{objective}, norm {norm}: {found:?}");
            }
        }
    }
}

/// Section 2.4. With r the projector's output and D = -cos(h(z), stop-grad(z')), the derivative of the target's own
/// normalisation is stopped, so without norm g (z = r) a step may also scale r. With it (z = r/|r|, with gradient)
/// dL/dr = (I - z z^T) dL/dz / |r|: the same information about directions, and none along r.
#[test]
fn norm_on_g_gives_back_the_gradient_of_the_norm_and_nothing_of_the_target() {
    for objective in [Objective::Simsiam, Objective::Byol] {
        let network = network(objective, Norm::G);
        let dim = if objective == Objective::Byol { 8 } else { 64 };
        let (r1, r2) = (random(1, [6, dim]), random(2, [6, dim]));
        let of_raw = loss(&network, objective, l2_normalize(r1.clone()), l2_normalize(r2.clone())).backward();
        // The same loss seen from z.
        let [z1, z2] = [&r1, &r2].map(|r| l2_normalize(r.clone().detach()).detach().require_grad());
        let of_unit = loss(&network, objective, z1.clone(), z2.clone()).backward();
        for (r, z) in [(&r1, &z1), (&r2, &z2)] {
            let (found, g, unit) = (r.grad(&of_raw).unwrap(), z.grad(&of_unit).unwrap(), z.clone().inner());
            let radial = (g.clone() * unit.clone()).sum_dim(1);
            let expected = (g.clone() - unit * radial) / length(r.clone().inner());
            let scale = found.clone().abs().max().into_scalar();
            let difference = (found.clone() - expected).abs().max().into_scalar() / scale;
            assert!(difference < 1e-5, "{objective}: {difference}");
            assert!(along(found, r.clone().inner()).iter().all(|a| *a < 1e-5), "{objective}");
            // What norm g takes out was there.
            assert!(mean(&along(g, z.clone().inner())) > 1e-2, "{objective}");
        }
    }
}

/// Section 2.3 is of use only if norm f changes what is learned. With the first weights of the product itself: a projector
/// that were positively homogeneous (no batch norm, no biases) in front of a loss that normalises would give the same
/// loss and the same gradients with the norm as without.
#[test]
fn norm_on_f_changes_loss_and_gradient_from_the_first_step() {
    let device = Default::default();
    let images = synth_digits::generate(synth_digits::SEED, Split::Train, 2);
    let views = Views::<B>::new(&images, &(0..16).collect::<Vec<_>>(), &device);
    let mut rng = Rng::new(5, "gradients", &[]);
    let [first, second] = [(); 2].map(|()| views.draw(&AugmentConfig::default(), &mut rng));
    for objective in [Objective::Simsiam, Objective::Byol, Objective::Simclr] {
        let step = |norm, head_batch_norm| {
            let config = NetworkConfig { width: 4, objective, norm, head_batch_norm, ..Default::default() };
            let mut network: Network<B> = config.init(3, &device);
            if !head_batch_norm {
                network.projector = homogeneous(network.projector);
            }
            let [z1, z2] = [&first, &second].map(|view| network.forward(network.pixels().apply(view.clone())));
            let loss = loss(&network, objective, z1, z2);
            let gradients = loss.backward();
            let mut collected = Collect { gradients: &gradients, values: Vec::new() };
            network.encoder.visit(&mut collected);
            (loss.into_scalar(), collected.values)
        };
        let compare = |head_batch_norm| {
            let [(plain, without), (normed, with)] = [Norm::None, Norm::F].map(|norm| step(norm, head_batch_norm));
            ((plain - normed).abs(), cosine(&without, &with))
        };
        let (difference, cosine) = compare(true);
        assert!(difference > 1e-3 && cosine < 0.97, "{objective}: losses differ by {difference}, cosine {cosine}");
        if objective == Objective::Simclr {
            let (difference, cosine) = compare(false);
            assert!(difference < 1e-4 && cosine > 0.9999, "the control: {difference}, {cosine}");
        }
    }
}

/// A projector without batch norm whose biases are zero.
fn homogeneous(projector: Head<B>) -> Head<B> {
    struct Unbiased;
    impl<A: Backend> ModuleMapper<A> for Unbiased {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<A, D>>) -> Param<Tensor<A, D>> {
            param.map(|tensor| if D == 1 { tensor.zeros_like().require_grad() } else { tensor })
        }
    }
    projector.map(&mut Unbiased)
}

/// Collects the gradients of every weight, one behind the other.
struct Collect<'a> {
    gradients: &'a <B as AutodiffBackend>::Gradients,
    values: Vec<f32>,
}

impl ModuleVisitor<B> for Collect<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = param.val().grad(self.gradients) {
            self.values.extend(gradient.into_data().iter::<f32>());
        }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The same seen from outside: the length of a projection is free with norm on g, and changes the loss without.
#[test]
fn the_loss_is_blind_to_the_length_of_projections_only_with_norm_on_g() {
    for objective in [Objective::Simsiam, Objective::Byol] {
        let network = network(objective, Norm::None);
        let dim = if objective == Objective::Byol { 8 } else { 64 };
        let (r1, r2) = (random(1, [6, dim]), random(2, [6, dim]));
        // Each image by a factor of its own.
        let factors = Tensor::<B, 1>::from_floats([0.2, 0.5, 1.0, 2.0, 4.0, 8.0], &Default::default()).reshape([6, 1]);
        let value = |z1, z2| loss(&network, objective, z1, z2).into_scalar();
        let normalised = |r: Tensor<B, 2>| value(l2_normalize(r), l2_normalize(r2.clone()));
        let raw = |r: Tensor<B, 2>| value(r, r2.clone());
        let blind = (normalised(r1.clone() * factors.clone()) - normalised(r1.clone())).abs();
        let seen = (raw(r1.clone() * factors) - raw(r1.clone())).abs();
        assert!(blind < 1e-5 && seen > 1e-3, "{objective}: {blind} with norm, {seen} without");
    }
}

struct WithoutBiases;

impl ModuleMapper<B> for WithoutBiases {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        param.map(|tensor| if D == 1 { tensor.zeros_like() } else { tensor })
    }
}

/// How far the gradient that reaches the projections z of a whole network points along them.
///
/// A gradient at z cannot be read in the middle of a network. But with a projector that is linear along rays
/// (no batch norm, no bias), Euler's theorem gives <y, dL/dy> = <z, dL/dz>, and dL/dy can be read.
fn along_the_projections(objective: Objective, norm: Norm) -> Vec<f32> {
    let device = Default::default();
    let mut network: Network<B> = NetworkConfig { width: 4, objective, norm, ..Default::default() }.init(3, &device);
    let z = if objective == Objective::Byol { 16 } else { 128 };
    network.projector =
        draw_weights(HeadShape::simclr_projector(32, z, false).init(&device), 4).map(&mut WithoutBiases);
    let (y1, y2) = (random(1, [6, 32]), random(2, [6, 32]));
    let gradients = loss(&network, objective, network.project(y1.clone()), network.project(y2.clone())).backward();
    [y1, y2].map(|y| along(y.grad(&gradients).unwrap(), y.inner())).concat()
}

/// The network applies norm g where section 2.4 says: between projector and predictor.
#[test]
fn norm_on_g_turns_projections_and_never_scales_them() {
    for objective in [Objective::Simsiam, Objective::Byol] {
        for norm in NORMS {
            let along = along_the_projections(objective, norm);
            if norm.on_projection() {
                assert!(along.iter().all(|a| *a < 1e-5), "{objective}, norm {norm}: {along:?}");
            } else {
                // Images are scaled too. (Not all alike: the predictor's batch norm undoes that.)
                assert!(mean(&along) > 1e-2, "{objective}, norm {norm}: {along:?}");
            }
        }
    }
}

/// NT-Xent of one image and its rotated copy, whose two views agree: all that is left is that each pushes the other.
#[test]
fn a_rotated_copy_is_pushed_away_from_its_image() {
    let device = Default::default();
    let image = Tensor::<B, 2>::from_floats([[1.0, 0.0, 0.0]], &device);
    let rotated = Tensor::<B, 2>::from_floats([[0.6, 0.8, 0.0]], &device).require_grad();
    let view = Tensor::cat(vec![image.clone(), rotated.clone()], 0);
    let gradients = nt_xent_loss(view.clone(), view, 0.5).backward();
    let toward_image = (rotated.grad(&gradients).unwrap() * image.inner()).sum().into_scalar();
    assert!(toward_image > 0.1, "{toward_image}");
}

/// And in training: the rotations are the only negatives of an image that is alone in its batch.
#[test]
fn training_drives_rotated_copies_apart() {
    let device = Default::default();
    let image = synth_digits::generate(synth_digits::SEED, Split::Train, 1).select(&[4]);
    let config = TrainConfig { objective: Objective::SimclrRot, norm: Norm::F, width: 4, ..Default::default() };
    let mut trainer = Trainer::<B>::new(config, device);
    let still = AugmentConfig { crop_min: 1.0, flip: 0.0, jitter: 0.0, grayscale: 0.0, ..Default::default() };
    let upright = Views::<B>::new(&image, &[0], &device).draw(&still, &mut Rng::new(0, "still", &[]));
    let copies = turned(upright.repeat_dim(0, 4));
    // The mean cosine between different copies.
    let cosine = |network: &Network<Flex>| {
        let z = l2_normalize(network.forward(copies.clone().inner()));
        (z.clone().matmul(z.transpose()).sum().into_scalar() - 4.0) / 12.0
    };
    let before = cosine(&trainer.network());
    for _ in 0..40 {
        trainer.step_on(&Shown::of([copies.clone(), copies.clone()]), 1e-2, 0.0);
    }
    let after = cosine(&trainer.network());
    assert!(before > 0.8 && after < 0.2, "from {before} to {after}");
}
