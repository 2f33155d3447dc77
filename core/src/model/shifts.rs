//! Transformations of an image whose name a network learns to tell: turned, moved, mirrored by how much? Images of the
//! class are told right, others less so (Golan & El-Yaniv 2018, Hendrycks et al. 2019, Tack et al. 2020).

use crate::augment::GREY;
use crate::config::Objective;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor, TensorData, backend::Backend};

/// One transformation: mirrored, then moved, then turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shift {
    /// Quarter turns, 0 to 3.
    pub turns: usize,
    /// Quarters of the side by which it is moved down, -1 to 1; what enters at the edge is the image mirrored there.
    pub down: isize,
    /// The same to the right.
    pub right: isize,
    /// Whether it is mirrored, left to right.
    pub flip: bool,
}

/// The transformations of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shifts {
    /// None.
    #[default]
    None,
    /// 4: turns.
    Turns,
    /// 36: turns and moves, which are told one by one: how far turned, how far down, how far to the right.
    TurnsAndMoves,
    /// The same 36, told as one.
    TurnsAndMovesAsOne,
    /// 72: turns, moves and the mirror image, told as one.
    All,
}

impl Objective {
    /// The transformations that it learns to tell.
    pub fn shifts(self) -> Shifts {
        match self {
            Self::Rotnet | Self::Csi | Self::Arnet => Shifts::Turns,
            Self::RotTrans => Shifts::TurnsAndMoves,
            Self::Goad => Shifts::TurnsAndMovesAsOne,
            Self::Geom => Shifts::All,
            _ => Shifts::None,
        }
    }
}

/// What the row `shifts` says of each transformation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Said {
    /// The log-probability of the right answer, by g.
    #[default]
    Right,
    /// Its projection; then, behind the projections of all, for each the logit of the right answer.
    ProjectionAndLogit,
    /// Its projection.
    Projection,
    /// The log-probabilities of all answers, by g.
    Answers,
    /// Minus the mean absolute error of the image that g restores from it, grey.
    Restored,
}

impl Objective {
    /// What its score needs to know of each transformation.
    pub fn said(self) -> Said {
        match self {
            Self::Csi => Said::ProjectionAndLogit,
            Self::Goad => Said::Projection,
            Self::Geom => Said::Answers,
            Self::Arnet => Said::Restored,
            _ => Said::Right,
        }
    }
}

impl Said {
    /// How many values that is of a projection of `z` values.
    pub fn width(self, z: usize) -> usize {
        match self {
            Self::Right | Self::Restored => 1,
            Self::ProjectionAndLogit => z + 1,
            Self::Projection | Self::Answers => z,
        }
    }
}

impl Shifts {
    /// All of them; four turns of one move stand together.
    pub fn all(self) -> Vec<Shift> {
        let (moves, flips): (&[isize], &[bool]) = match self {
            Self::None => return Vec::new(),
            Self::Turns => (&[0], &[false]),
            Self::TurnsAndMoves | Self::TurnsAndMovesAsOne => (&[0, -1, 1], &[false]),
            Self::All => (&[0, -1, 1], &[false, true]),
        };
        let mut all = Vec::new();
        for &flip in flips {
            for &down in moves {
                for &right in moves {
                    all.extend((0..4).map(|turns| Shift { turns, down, right, flip }));
                }
            }
        }
        all
    }

    /// How many choices each of the questions has that are asked of a picture.
    pub fn choices(self) -> &'static [usize] {
        match self {
            Self::None => &[],
            Self::Turns => &[4],
            Self::TurnsAndMoves => &[4, 3, 3],
            Self::TurnsAndMovesAsOne => &[36],
            Self::All => &[72],
        }
    }

    /// The right answers for transformation `which` of [`Shifts::all`].
    fn answers(self, which: usize) -> Vec<usize> {
        match self {
            Self::None => Vec::new(),
            Self::Turns | Self::TurnsAndMovesAsOne | Self::All => vec![which],
            Self::TurnsAndMoves => vec![which % 4, which / 12, which / 4 % 3],
        }
    }

    /// Images, `N x C x S x S`, each in the four turns of its move (and mirror image), which `moves` gives by position among
    /// those of [`Shifts::all`]: `4N x C x S x S`, and which of [`Shifts::all`] each picture is. Images of one move stand
    /// together.
    pub fn show<B: Backend>(self, images: Tensor<B, 4>, moves: &[usize]) -> (Tensor<B, 4>, Vec<usize>) {
        let (mut pictures, mut which) = (Vec::new(), Vec::new());
        for (group, turns) in self.all().chunks(4).enumerate() {
            let those: Vec<i32> = (0..moves.len()).filter(|&i| moves[i] == group).map(|i| i as i32).collect();
            let n = those.len();
            if n == 0 {
                continue;
            }
            let of_move = if n == moves.len() {
                images.clone()
            } else {
                let those = Tensor::<B, 1, Int>::from_data(TensorData::new(those, [n]), &images.device());
                images.clone().select(0, those)
            };
            for (turn, shift) in turns.iter().enumerate() {
                pictures.push(shift.apply(of_move.clone()));
                which.extend(std::iter::repeat_n(4 * group + turn, n));
            }
        }
        (Tensor::cat(pictures, 0), which)
    }

    /// The log-probability of the right answer, or the sum where several questions are asked: `M x 1` from logits, `M x C`
    /// with the questions' choices side by side, of `M` pictures that were transformed by `which` of [`Shifts::all`].
    pub fn log_probabilities<B: Backend>(self, logits: Tensor<B, 2>, which: &[usize]) -> Tensor<B, 2> {
        let (choices, device) = (self.choices(), logits.device());
        let width: usize = choices.iter().sum();
        let mut right = vec![0.0_f32; which.len() * width];
        for (row, &shift) in which.iter().enumerate() {
            let mut start = 0;
            for (answer, &count) in self.answers(shift).into_iter().zip(choices) {
                right[row * width + start + answer] = 1.0;
                start += count;
            }
        }
        let right = Tensor::<B, 2>::from_data(TensorData::new(right, [which.len(), width]), &device);
        let mut start = 0;
        let questions = choices.iter().map(|&count| {
            let question = log_softmax(logits.clone().narrow(1, start, count), 1);
            start += count;
            question
        });
        (Tensor::cat(questions.collect(), 1) * right).sum_dim(1)
    }
}

impl Shift {
    /// Square images, `N x C x S x S`, transformed.
    pub fn apply<B: Backend>(self, images: Tensor<B, 4>) -> Tensor<B, 4> {
        let quarter = (images.dims()[3] / 4) as isize;
        let x = if self.flip { images.flip([3]) } else { images };
        let x = moved(moved(x, 2, self.down * quarter), 3, self.right * quarter);
        match self.turns {
            0 => x,
            1 => x.swap_dims(2, 3).flip([2]),
            2 => x.flip([2, 3]),
            _ => x.swap_dims(2, 3).flip([3]),
        }
    }
}

/// Images, `N x 3 x S x S`, without their colours, in three equal channels.
pub fn greyed<B: Backend>(images: Tensor<B, 4>) -> Tensor<B, 4> {
    let channel = |c: usize| images.clone().narrow(1, c, 1) * GREY[c];
    (channel(0) + channel(1) + channel(2)).repeat_dim(1, 3)
}

/// Moved along a dimension by so many pixels; what enters at the edge is the image mirrored there.
fn moved<B: Backend>(x: Tensor<B, 4>, dim: usize, by: isize) -> Tensor<B, 4> {
    let (side, distance) = (x.dims()[dim], by.unsigned_abs());
    let mirrored = |start: usize| x.clone().narrow(dim, start, distance).flip([dim as isize]);
    match by {
        0 => x,
        1.. => Tensor::cat(vec![mirrored(0), x.clone().narrow(dim, 0, side - distance)], dim),
        _ => Tensor::cat(vec![x.clone().narrow(dim, distance, side - distance), mirrored(side - distance)], dim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn_flex::Flex;

    fn apply(shift: Shift) -> Vec<f32> {
        let values: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let image = Tensor::<Flex, 4>::from_data(TensorData::new(values, [1, 1, 4, 4]), &Default::default());
        shift.apply(image).into_data().into_vec().unwrap()
    }

    const STAY: Shift = Shift { turns: 0, down: 0, right: 0, flip: false };

    #[test]
    fn images_are_mirrored_moved_and_turned() {
        assert_eq!(apply(Shift { flip: true, ..STAY })[..4], [3.0, 2.0, 1.0, 0.0]);
        assert_eq!(apply(Shift { right: 1, ..STAY })[..8], [0.0, 0.0, 1.0, 2.0, 4.0, 4.0, 5.0, 6.0]);
        assert_eq!(apply(Shift { right: -1, ..STAY })[..4], [1.0, 2.0, 3.0, 3.0]);
        assert_eq!(apply(Shift { down: 1, ..STAY })[..8], [0.0, 1.0, 2.0, 3.0, 0.0, 1.0, 2.0, 3.0]);
        assert_eq!(apply(Shift { down: -1, ..STAY })[8..], [12.0, 13.0, 14.0, 15.0, 12.0, 13.0, 14.0, 15.0]);
        let turned = [0, 1, 2, 3].map(|turns| apply(Shift { turns, ..STAY })[..2].to_vec());
        assert_eq!(turned, [vec![0.0, 1.0], vec![3.0, 7.0], vec![15.0, 14.0], vec![12.0, 8.0]]);
        // Mirrored first, moved then, turned last.
        let all = Shift { turns: 1, down: 0, right: 1, flip: true };
        assert_eq!(apply(all)[..4], [1.0, 5.0, 9.0, 13.0]);
    }

    #[test]
    fn transformations_are_all_different_and_their_answers_say_which() {
        for (shifts, count) in [
            (Shifts::None, 0),
            (Shifts::Turns, 4),
            (Shifts::TurnsAndMoves, 36),
            (Shifts::TurnsAndMovesAsOne, 36),
            (Shifts::All, 72),
        ] {
            let all = shifts.all();
            assert_eq!(all.len(), count);
            let mut answers: Vec<Vec<usize>> = (0..count).map(|which| shifts.answers(which)).collect();
            for (which, shift) in all.iter().enumerate() {
                assert!(!all[..which].contains(shift));
                assert_eq!(answers[which].len(), shifts.choices().len());
                if shifts == Shifts::TurnsAndMoves {
                    let moves = [0, -1, 1];
                    let [turns, down, right] = answers[which][..] else { panic!("three questions") };
                    assert_eq!((turns, moves[down], moves[right]), (shift.turns, shift.down, shift.right));
                }
            }
            answers.sort();
            answers.dedup();
            assert_eq!(answers.len(), count);
        }
    }
}
