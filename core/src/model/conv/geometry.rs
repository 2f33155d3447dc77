//! The sizes of a convolution, and how an image unfolds into the matrix that it multiplies.

use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::backend::Backend;

/// A convolution with a square kernel, the same stride and padding on all sides, without groups or dilation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub n: usize,
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// Channels, height and width of a result.
    pub output: [usize; 3],
    /// Side of the kernel.
    pub kernel: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
    /// Zeros around an image.
    pub padding: usize,
}

impl Geometry {
    /// That of a convolution of images (`N x C x H x W`), if it is of this kind. A bias does not matter.
    pub fn of<B: Backend>(conv: &Conv2d<B>, [n, channels, height, width]: [usize; 4]) -> Option<Self> {
        let [output, input, kernel, kernel_width] = conv.weight.dims();
        let (stride, padding) = (conv.stride[0], padding(&conv.padding)?);
        let plain = kernel == kernel_width && conv.stride == [stride; 2] && conv.dilation == [1; 2] && conv.groups == 1;
        if !plain || input != channels || stride == 0 {
            return None;
        }
        let side = |length: usize| Some((length + 2 * padding).checked_sub(kernel)? / stride + 1);
        let output = [output, side(height)?, side(width)?];
        Some(Self { n, input: [channels, height, width], output, kernel, stride, padding })
    }

    /// The convolution that takes the gradient of this one's result to that of its images, if its stride is 1: the
    /// same with channels exchanged and the kernel turned around.
    pub fn transposed(&self) -> Option<Self> {
        let padding = (self.kernel - 1).checked_sub(self.padding)?;
        (self.stride == 1).then(|| Self { input: self.output, output: self.input, padding, ..self.clone() })
    }

    /// Values of one image.
    pub fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    /// Values of one result.
    pub fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    /// Positions of the kernel on an image.
    pub fn positions(&self) -> usize {
        self.output[1] * self.output[2]
    }

    /// Values under the kernel at one position.
    pub fn window(&self) -> usize {
        self.input[0] * self.kernel * self.kernel
    }

    /// Unfolds an image (`C x H x W`), the `i`-th of `n` that stand side by side in `window x (n * positions)`: row
    /// (c, ky, kx) holds what that value of the kernel meets at every position.
    pub fn unfold(&self, image: &[f32], n: usize, i: usize, unfolded: &mut [f32]) {
        let [_, height, width] = self.input;
        let keeps_size = self.stride == 1 && self.output[1..] == self.input[1..];
        let own = i * self.positions()..(i + 1) * self.positions();
        let mut rows = unfolded.chunks_exact_mut(n * self.positions()).map(|row| &mut row[own.clone()]);
        for channel in image.chunks_exact(height * width) {
            for (ky, kx) in self.kernel_positions() {
                let Some(row) = rows.next() else { return };
                if keeps_size {
                    self.shift(channel, ky, kx, row);
                } else {
                    self.gather(channel, ky, kx, row);
                }
            }
        }
    }

    /// The adjoint of [`Geometry::unfold`]: adds every value of the `i`-th image in `unfolded` to the pixel that it was
    /// read from.
    pub fn fold(&self, unfolded: &[f32], n: usize, i: usize, image: &mut [f32]) {
        let [_, height, width] = self.input;
        let own = i * self.positions()..(i + 1) * self.positions();
        image.fill(0.0);
        let mut rows = unfolded.chunks_exact(n * self.positions()).map(|row| &row[own.clone()]);
        for channel in image.chunks_exact_mut(height * width) {
            for (ky, kx) in self.kernel_positions() {
                let Some(row) = rows.next() else { return };
                let (start, first) = self.first_inside(kx);
                for (y, line) in row.chunks_exact(self.output[2]).enumerate() {
                    let Some(at) = inside(y * self.stride + ky, self.padding, height) else { continue };
                    let pixels = channel[at * width..(at + 1) * width].iter_mut().skip(first).step_by(self.stride);
                    pixels.zip(line.iter().skip(start)).for_each(|(pixel, value)| *pixel += value);
                }
            }
        }
    }

    fn kernel_positions(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let kernel = self.kernel;
        (0..kernel).flat_map(move |ky| (0..kernel).map(move |kx| (ky, kx)))
    }

    /// In a line, the first position at which a value of the kernel meets a pixel, and which pixel.
    fn first_inside(&self, kx: usize) -> (usize, usize) {
        let start = self.padding.saturating_sub(kx).div_ceil(self.stride);
        (start, start * self.stride + kx - self.padding)
    }

    /// One row of [`Geometry::unfold`], line by line.
    fn gather(&self, channel: &[f32], ky: usize, kx: usize, row: &mut [f32]) {
        let [_, height, width] = self.input;
        let (start, first) = self.first_inside(kx);
        row.fill(0.0);
        for (y, line) in row.chunks_exact_mut(self.output[2]).enumerate() {
            let Some(at) = inside(y * self.stride + ky, self.padding, height) else { continue };
            let pixels = channel[at * width..(at + 1) * width].iter().skip(first).step_by(self.stride);
            line.iter_mut().skip(start).zip(pixels).for_each(|(value, pixel)| *value = *pixel);
        }
    }

    /// The same where results are as large as images: the channel as one piece, moved, with zeros where a line of it
    /// would run into the next.
    fn shift(&self, channel: &[f32], ky: usize, kx: usize, row: &mut [f32]) {
        let (width, len) = (self.input[2], channel.len());
        let (ahead, behind) = (ky * width + kx, self.padding * (width + 1));
        let (skip, start) = (ahead.saturating_sub(behind).min(len), behind.saturating_sub(ahead).min(len));
        row[..start].fill(0.0);
        row[start..len - skip].copy_from_slice(&channel[skip..len - start]);
        row[len - skip..].fill(0.0);
        let (left, right) = (self.padding.saturating_sub(kx).min(width), kx.saturating_sub(self.padding).min(width));
        // Column by column: there are one or two of them, and filling so few values at a time is slow.
        for column in (0..left).chain(width - right..width) {
            row[column..].iter_mut().step_by(width).for_each(|value| *value = 0.0);
        }
    }
}

/// `at` counts from the padding; the pixel there, if it is not padding.
fn inside(at: usize, padding: usize, length: usize) -> Option<usize> {
    at.checked_sub(padding).filter(|at| *at < length)
}

fn padding(config: &PaddingConfig2d) -> Option<usize> {
    match *config {
        PaddingConfig2d::Valid => Some(0),
        PaddingConfig2d::Explicit(top, left, bottom, right) => {
            (top == left && left == bottom && bottom == right).then_some(top)
        }
        PaddingConfig2d::Same => None,
    }
}
