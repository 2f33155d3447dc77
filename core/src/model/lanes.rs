//! Feature maps between layers, in the order in which the backend's kernels like them best.

use super::flex::{Values, is, known, same, tensor};
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::NoCheckpointing};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive, backend::Backend};
use burn_flex::{Flex, FlexTensor};
use nsa_kernels::lanes::{self, LANES};
use nsa_kernels::pool;

type A = Autodiff<Flex>;

/// Images from which on a group of sixteen, which costs the same however few it has, is faster than one by one.
const MANY: usize = 12;

/// Whether maps of this backend ever lie side by side: in training on the CPU, and in inference there, but not in the browser,
/// where registers hold four. That is known when the program is compiled: others do not carry the kernels.
pub fn side_by_side<B: Backend>() -> bool {
    is::<B, A>() || !cfg!(target_arch = "wasm32") && is::<B, Flex>()
}

/// `N x C x H x W`.
#[derive(Debug, Clone)]
pub enum Maps<B: Backend> {
    /// As they are.
    Plain(Tensor<B, 4>),
    /// On the CPU, in training and where batches are large, sixteen images lie side by side ([`nsa_kernels::lanes`]):
    /// `G x C x H x W x 16`, and how many images there are.
    Lanes(Tensor<B, 5>, usize),
}

impl<B: Backend> Maps<B> {
    /// Those of images, or of what a layer gives; `folded` says whether batch norms are.
    pub fn of(images: Tensor<B, 4>, folded: bool) -> Self {
        let n = images.dims()[0];
        let training = B::ad_enabled(&images.device());
        let suits = if folded { !training && n >= MANY } else { training };
        if side_by_side::<B>() && suits {
            return Self::Lanes(tracking(&images, gather), n);
        }
        Self::Plain(images)
    }

    /// `N x C x H x W`.
    pub fn tensor(self) -> Tensor<B, 4> {
        match self {
            Self::Plain(maps) => maps,
            Self::Lanes(maps, n) => tracking(&maps, |maps| scatter(maps, n)),
        }
    }

    /// `G x C x H x W x 16`, on the CPU.
    pub fn lanes(self) -> Tensor<B, 5> {
        match self {
            Self::Plain(maps) => tracking(&maps, gather),
            Self::Lanes(maps, _) => maps,
        }
    }

    /// The mean over positions, `N x C`.
    pub fn pool(self) -> Tensor<B, 2> {
        match self {
            Self::Plain(maps) => {
                let [n, c, h, w] = maps.dims();
                maps.reshape([n * c, h * w]).mean_dim(1).reshape([n, c])
            }
            Self::Lanes(maps, n) => tracking(&maps, |maps| mean(maps, n)),
        }
    }
}

/// What `f` makes of a tensor of the CPU backend, with or without autodiff.
fn tracking<B: Backend, const D: usize, const E: usize>(
    tensor: &Tensor<B, D>,
    f: impl FnOnce(Tensor<A, D>) -> Tensor<A, E>,
) -> Tensor<B, E> {
    match same::<_, Flex, D>(tensor) {
        Some(plain) => known(&f(Tensor::from_inner(plain)).inner()),
        None => known(&f(known(tensor))),
    }
}

/// Sixteen images side by side; the last group is filled up with zeros.
pub fn gather(images: Tensor<A, 4>) -> Tensor<A, 5> {
    let shape @ [n, c, h, w] = images.dims();
    let values = lanes::gather(n, Values::of(images.clone().inner()).slice());
    tracked(Gather, images, shape, tensor(values, [lanes::groups(n), c, h, w, LANES]))
}

/// The way back.
pub fn scatter(maps: Tensor<A, 5>, n: usize) -> Tensor<A, 4> {
    let shape @ [_, c, h, w, _] = maps.dims();
    let values = lanes::scatter(n, Values::of(maps.clone().inner()).slice());
    tracked(Scatter, maps, shape, tensor(values, [n, c, h, w]))
}

/// The mean over positions, `N x C`.
fn mean(maps: Tensor<A, 5>, n: usize) -> Tensor<A, 2> {
    let shape @ [_, c, h, w, _] = maps.dims();
    let means = pool::mean(n, h * w, Values::of(maps.clone().inner()).slice());
    tracked(Mean, maps, shape, tensor(means, [n, c]))
}

#[derive(Debug)]
struct Gather;

impl Backward<Flex, 1> for Gather {
    type State = [usize; 4];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        pass(ops, grads, |shape, gradient| tensor(lanes::scatter(shape[0], gradient), *shape));
    }
}

#[derive(Debug)]
struct Scatter;

impl Backward<Flex, 1> for Scatter {
    type State = [usize; 5];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        pass(ops, grads, |shape, gradient| {
            let n = gradient.len() / shape[1..4].iter().product::<usize>().max(1);
            tensor(lanes::gather(n, gradient), *shape)
        });
    }
}

#[derive(Debug)]
struct Mean;

impl Backward<Flex, 1> for Mean {
    type State = [usize; 5];

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        pass(ops, grads, |shape, gradient| {
            let n = gradient.len() / shape[1].max(1);
            tensor(pool::mean_back(n, shape[2] * shape[3], gradient), *shape)
        });
    }
}

/// Gives a gradient on to the one parent.
fn pass<S: Clone + Send + std::fmt::Debug>(
    ops: Ops<S, 1>,
    grads: &mut Gradients,
    back: impl FnOnce(&S, &[f32]) -> FlexTensor,
) {
    let gradient = Values::of_primitive(grads.consume::<Flex>(&ops.node));
    let [parent] = ops.parents;
    if let Some(parent) = parent {
        grads.register::<Flex>(parent.id, back(&ops.state, gradient.slice()));
    }
}

/// What `operation` made of its one parent.
fn tracked<O: Backward<Flex, 1>, const D: usize, const E: usize>(
    operation: O,
    parent: Tensor<A, D>,
    state: O::State,
    result: FlexTensor,
) -> Tensor<A, E> {
    let parent = parent.into_primitive().tensor();
    let y = match operation.prepare::<NoCheckpointing>([parent.node]).compute_bound().stateful() {
        OpsKind::Tracked(operation) => operation.finish(state, result),
        OpsKind::UnTracked(operation) => operation.finish(result),
    };
    Tensor::from_primitive(TensorPrimitive::Float(y))
}
