//! How an image unfolds into the matrix that a convolution multiplies.

use crate::geometry::Geometry;

impl Geometry {
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
