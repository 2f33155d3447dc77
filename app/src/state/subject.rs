//! Which image's details are shown.

use std::fmt::{Display, Formatter};

/// The image of the open details: `image=2.17` or `image=own.3` in the URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A gallery image.
    Test {
        /// Its class.
        class: usize,
        /// Its number among the test images of its class.
        index: usize,
    },
    /// A person's own image, by its key. It is on no other machine: a link with it opens nothing there.
    Own(u32),
}

impl Subject {
    /// Reads what [`Display`] wrote; none of anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let number = |digits: &str| digits.parse::<u32>().ok();
        match text.split_once('.')? {
            ("own", key) => Some(Self::Own(number(key)?)),
            (class, index) => Some(Self::Test { class: number(class)? as usize, index: number(index)? as usize }),
        }
    }
}

impl Display for Subject {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Test { class, index } => write!(f, "{class}.{index}"),
            Self::Own(key) => write!(f, "own.{key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_survive_the_address() {
        for subject in [Subject::Test { class: 9, index: 0 }, Subject::Own(4711)] {
            assert_eq!(Subject::from_text(&subject.to_string()), Some(subject));
        }
        for nonsense in ["", "own", "own.", "own.-1", "2", "2.", ".3", "2.3.4", "99999999999.1"] {
            assert_eq!(Subject::from_text(nonsense), None, "{nonsense}");
        }
    }
}
