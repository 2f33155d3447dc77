//! Enums of words: written the same on the command line, in files and in messages.

use thiserror::Error;

/// A word that is not one of the choices.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} must be one of {choices}, found '{found}'")]
pub struct UnknownChoice {
    /// What was to be chosen.
    pub what: &'static str,
    /// The words there are.
    pub choices: String,
    /// The word.
    pub found: String,
}

/// Defines an enum whose variants are words: `ALL`, `name`, parsing, printing and serde with the same words.
macro_rules! words {
    (
        $what:literal,
        $(#[$about:meta])*
        pub enum $name:ident { $($(#[$note:meta])* $word:literal => $variant:ident,)+ }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$note])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word for it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::config::UnknownChoice;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let unknown = || $crate::config::UnknownChoice {
                    what: $what,
                    choices: Self::ALL.map(Self::name).join(", "),
                    found: text.into(),
                };
                Self::ALL.into_iter().find(|word| word.name() == text).ok_or_else(unknown)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                // `pad`, so that a width given by a table is kept.
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use words;
