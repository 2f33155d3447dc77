//! How the address calls an image.

use std::fmt::{Display, Formatter};

/// An image's name: `2.17`, `own.3` or `s123` in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageName {
    /// A gallery image: its class, and its number among the test images of its class.
    Test {
        class: usize,
        /// Number within the class.
        index: usize,
    },
    /// A person's own image, by its key. It is on no other machine: a link with it shows nothing there.
    Own(u32),
    /// A sample of the frames, by its position in the test set, where the gallery cannot name it.
    Sample(u32),
}

impl ImageName {
    /// Reads what [`Display`] wrote; none of anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        if let Some(position) = text.strip_prefix('s') {
            return position.parse().ok().map(Self::Sample);
        }
        let number = |digits: &str| digits.parse::<u32>().ok();
        match text.split_once('.')? {
            ("own", key) => Some(Self::Own(number(key)?)),
            (class, index) => Some(Self::Test { class: number(class)? as usize, index: number(index)? as usize }),
        }
    }
}

impl Display for ImageName {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Test { class, index } => write!(f, "{class}.{index}"),
            Self::Own(key) => write!(f, "own.{key}"),
            Self::Sample(position) => write!(f, "s{position}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_the_address() {
        for name in [ImageName::Test { class: 9, index: 0 }, ImageName::Own(3), ImageName::Sample(4711)] {
            assert_eq!(ImageName::from_text(&name.to_string()), Some(name));
        }
        for nonsense in ["", "s", "s-1", "2", "2.", ".3", "2.3.4", "own.", "own.-1", "99999999999.1", "sphere"] {
            assert_eq!(ImageName::from_text(nonsense), None, "{nonsense}");
        }
    }
}
