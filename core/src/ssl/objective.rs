//! The methods of the paper by name: objective and normalisation.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The self-supervised objective (section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// SimSiam (Chen & He 2020): positives only, a predictor and a stop-grad.
    Simsiam,
    /// BYOL (Grill et al. 2020): positives only, a predictor and a slowly following target network.
    Byol,
    /// SimCLR (Chen et al. 2020): NT-Xent, the other images of the batch are negatives.
    Simclr,
    /// SimCLR(-): the same with each view in four rotations, which are negatives of each other (CSI, Tack et al. 2020).
    SimclrRot,
}

/// Where features are l2-normalised, with gradient (sections 2.3 and 2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Nowhere: the original method.
    None,
    /// The encoder's output y, before the projector.
    F,
    /// The projection z, before the loss.
    G,
    /// Both: SimSiam(n), BYOL(n). (SimCLR(n) is `F`: it has no stop-grad whose gradient would be missing.)
    Both,
}

impl Objective {
    /// The paper's name of an objective with its normalisation: `SimSiam(n)`, `SimCLR(n-)`. The paper's own choice of
    /// where to normalise is "(n)"; any other is named.
    pub fn with_norm(self, norm: Norm) -> String {
        let name = match self {
            Self::Simsiam => "SimSiam",
            Self::Byol => "BYOL",
            Self::Simclr => "SimCLR",
            Self::SimclrRot => "SimCLR(-)",
        };
        match (self, norm) {
            (_, Norm::None) => name.into(),
            (Self::Simsiam | Self::Byol, Norm::Both) | (Self::Simclr, Norm::F) => format!("{name}(n)"),
            (Self::SimclrRot, Norm::F) => "SimCLR(n-)".into(),
            (_, norm) => format!("{name}, norm {norm}"),
        }
    }
}

impl Norm {
    /// Whether the encoder's output is normalised.
    pub fn on_encoder(self) -> bool {
        matches!(self, Self::F | Self::Both)
    }

    /// Whether the projection is normalised.
    pub fn on_projection(self) -> bool {
        matches!(self, Self::G | Self::Both)
    }
}

/// A word that is not one of the choices.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{what} must be one of {choices}, found '{found}'")]
pub struct UnknownChoice {
    pub(super) what: &'static str,
    pub(super) choices: &'static str,
    pub(super) found: String,
}

impl FromStr for Objective {
    type Err = UnknownChoice;
    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        match text {
            "simsiam" => Ok(Self::Simsiam),
            "byol" => Ok(Self::Byol),
            "simclr" => Ok(Self::Simclr),
            "simclr-rot" => Ok(Self::SimclrRot),
            _ => Err(UnknownChoice {
                what: "objective",
                choices: "simsiam, byol, simclr, simclr-rot",
                found: text.into(),
            }),
        }
    }
}

impl fmt::Display for Objective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Simsiam => "simsiam",
            Self::Byol => "byol",
            Self::Simclr => "simclr",
            Self::SimclrRot => "simclr-rot",
        })
    }
}

impl FromStr for Norm {
    type Err = UnknownChoice;
    fn from_str(text: &str) -> Result<Self, UnknownChoice> {
        match text {
            "none" => Ok(Self::None),
            "f" => Ok(Self::F),
            "g" => Ok(Self::G),
            "both" => Ok(Self::Both),
            _ => Err(UnknownChoice { what: "norm", choices: "none, f, g, both", found: text.into() }),
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::F => "f",
            Self::G => "g",
            Self::Both => "both",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_have_the_paper_s_names() {
        assert_eq!(Objective::Simsiam.with_norm(Norm::Both), "SimSiam(n)");
        assert_eq!(Objective::SimclrRot.with_norm(Norm::F), "SimCLR(n-)");
        assert_eq!(Objective::Simclr.with_norm(Norm::Both), "SimCLR, norm both");
        assert_eq!(Objective::Simclr.with_norm(Norm::None), "SimCLR");
        assert_eq!(Objective::Byol.with_norm(Norm::Both), "BYOL(n)");
        assert_eq!(Objective::Byol.with_norm(Norm::None), "BYOL");
        assert_eq!(Objective::Byol.with_norm(Norm::G), "BYOL, norm g");
    }

    #[test]
    fn words_are_the_same_on_the_command_line_and_in_files() {
        for objective in ["simsiam", "byol", "simclr", "simclr-rot"] {
            let parsed: Objective = objective.parse().unwrap();
            assert_eq!(
                (parsed.to_string(), serde_json::to_value(parsed).unwrap()),
                (objective.into(), objective.into())
            );
        }
        for norm in ["none", "f", "g", "both"] {
            let parsed: Norm = norm.parse().unwrap();
            assert_eq!((parsed.to_string(), serde_json::to_value(parsed).unwrap()), (norm.into(), norm.into()));
        }
        assert_eq!("h".parse::<Norm>().unwrap_err().to_string(), "norm must be one of none, f, g, both, found 'h'");
    }
}
