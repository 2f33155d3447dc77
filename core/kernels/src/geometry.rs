//! The sizes of a convolution, and which pixels its kernel meets.

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

/// Along one axis: for each place of what is computed, what of the kernel meets which place of what is read. Padding is
/// in none of them: what would be multiplied by its zeros is left out.
pub type Taps = Vec<Vec<Tap>>;

/// One value of the kernel and the place that it meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap {
    /// Which of the kernel's values, along the axis.
    pub kernel: usize,
    /// Where.
    pub at: usize,
}

impl Geometry {
    /// Values of one image.
    pub fn input_len(&self) -> usize {
        self.input.iter().product()
    }

    /// Values of one result.
    pub fn output_len(&self) -> usize {
        self.output.iter().product()
    }

    /// For each result along an axis (0 height, 1 width) the pixels that it is computed from.
    pub fn taps(&self, axis: usize) -> Taps {
        let meets = |place: usize, kernel: usize| {
            let at = (place * self.stride + kernel).checked_sub(self.padding)?;
            (at < self.input[axis + 1]).then_some(Tap { kernel, at })
        };
        (0..self.output[axis + 1]).map(|place| (0..self.kernel).filter_map(|k| meets(place, k)).collect()).collect()
    }

    /// For each pixel along an axis the results that are computed from it: the way back.
    pub fn taps_back(&self, axis: usize) -> Taps {
        let mut back = vec![Vec::new(); self.input[axis + 1]];
        for (place, taps) in self.taps(axis).into_iter().enumerate() {
            taps.into_iter().for_each(|tap| back[tap.at].push(Tap { kernel: tap.kernel, at: place }));
        }
        back.iter_mut().for_each(|taps: &mut Vec<Tap>| taps.sort_by_key(|tap| tap.kernel));
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_of_three_meets_two_pixels_at_a_border() {
        let g = Geometry { n: 1, input: [1, 4, 5], output: [1, 2, 3], kernel: 3, stride: 2, padding: 1 };
        let places = |taps: &Taps| -> Vec<Vec<(usize, usize)>> {
            taps.iter().map(|taps| taps.iter().map(|tap| (tap.kernel, tap.at)).collect()).collect()
        };
        let rows = [vec![(1, 0), (2, 1)], vec![(0, 1), (1, 2), (2, 3)]];
        assert_eq!(places(&g.taps(0)), rows);
        assert_eq!(places(&g.taps(1)), [rows[0].clone(), rows[1].clone(), vec![(0, 3), (1, 4)]]);
        assert_eq!(places(&g.taps_back(0)), [vec![(1, 0)], vec![(0, 1), (2, 0)], vec![(1, 1)], vec![(2, 1)]]);
    }
}
