//! Which image stands out.

use std::fmt::{Display, Formatter};

/// A test image that a person has selected: `select=2.17` or `select=s123` in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// A gallery image: its class, and its number among the test images of its class.
    Image {
        /// Class.
        class: usize,
        /// Number within the class.
        index: usize,
    },
    /// A sample of the frames, by its position in the test set, where the gallery cannot name it.
    Sample(u32),
}

impl Selection {
    /// Reads what [`Display`] wrote; none of anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        if let Some(position) = text.strip_prefix('s') {
            return position.parse().ok().map(Self::Sample);
        }
        let (class, index) = text.split_once('.')?;
        let number = |digits: &str| digits.parse::<u32>().ok().map(|n| n as usize);
        Some(Self::Image { class: number(class)?, index: number(index)? })
    }
}

impl Display for Selection {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Image { class, index } => write!(f, "{class}.{index}"),
            Self::Sample(position) => write!(f, "s{position}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_survive_the_address() {
        for selection in [Selection::Image { class: 9, index: 0 }, Selection::Sample(4711)] {
            assert_eq!(Selection::from_text(&selection.to_string()), Some(selection));
        }
        for nonsense in ["", "s", "s-1", "2", "2.", ".3", "2.3.4", "99999999999.1", "sphere"] {
            assert_eq!(Selection::from_text(nonsense), None, "{nonsense}");
        }
    }
}
