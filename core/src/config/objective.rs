//! The methods of the paper by name: objective and normalisation.

use super::words;

words! {
    "objective",
    /// The self-supervised objective (section 2.1).
    pub enum Objective {
        /// SimSiam (Chen & He 2020): positives only, a predictor and a stop-grad.
        "simsiam" => Simsiam,
        /// BYOL (Grill et al. 2020): positives only, a predictor and a slowly following target network.
        "byol" => Byol,
        /// SimCLR (Chen et al. 2020): NT-Xent, the other images of the batch are negatives.
        "simclr" => Simclr,
        /// SimCLR(-): the same with each view in four rotations, which are negatives of each other (CSI, Tack et al. 2020).
        "simclr-rot" => SimclrRot,
        /// SSD (Sehwag et al. 2021): SimCLR, judged by the Mahalanobis distance of its features' directions.
        "ssd" => Ssd,
        /// DROC (Sohn et al. 2021): SimCLR(-), judged by a one-class SVM and a kernel density.
        "droc" => Droc,
        /// Deep SVDD (Ruff et al. 2018): close to a fixed centre, by a network that could not put every image there.
        "deep-svdd" => DeepSvdd,
        /// RotNet (Golan & El-Yaniv 2018 with rotations only): by how much an image is turned.
        "rotnet" => Rotnet,
        /// Hendrycks et al. (2019): by how much an image is turned, moved down and moved to the right.
        "rot-trans" => RotTrans,
        /// Geometric transformations (Golan & El-Yaniv 2018): which of 72, turned, moved and mirrored.
        "geom" => Geom,
        /// CSI (Tack et al. 2020): SimCLR(-), and by how much each view is turned.
        "csi" => Csi,
        /// GOAD (Bergman & Hoshen 2020): pictures of one transformation close to their centre, far from those of others.
        "goad" => Goad,
        /// DROCC (Goyal et al. 2020): the class against the hardest points of a shell around its images.
        "drocc" => Drocc,
        /// ARNet (Huang et al. 2019): images restored from grey and turned ones.
        "arnet" => Arnet,
        /// STOC (Yoon et al. 2021): DROC on polluted data, which it refines in turns with learning.
        "stoc" => Stoc,
        /// PANDA (Reiss et al. 2021): weights from elsewhere, adapted until the class lies close together.
        "panda" => Panda,
        /// ELSA (Han et al. 2021): SimCLR, then energy to prototypes of the class, told a few anomalies as such.
        "elsa" => Elsa,
    }
}

words! {
    "norm",
    /// Where features are l2-normalised, with gradient (sections 2.3 and 2.4).
    pub enum Norm {
        /// Nowhere: the original method.
        "none" => None,
        /// The encoder's output y, before the projector.
        "f" => F,
        /// The projection z, before the loss.
        "g" => G,
        /// Both: SimSiam(n), BYOL(n). (SimCLR(n) is `F`: it has no stop-grad whose gradient would be missing.)
        "both" => Both,
    }
}

words! {
    "schedule",
    /// What becomes of the learning rate after the warm-up.
    pub enum Schedule {
        /// It stays at its peak: what a network does late in training is seen as it is.
        "constant" => Constant,
        /// It falls to 0 along half a cosine, as in the paper.
        "cosine" => Cosine,
    }
}

/// What of a network must differ between images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Apart {
    /// The directions of embeddings.
    Embeddings,
    /// The directions of embeddings and of projections, which the loss compares.
    Projections,
    /// The one logit that is learned. A network that answers rightly may point all embeddings the same way.
    Logits,
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
            Self::Ssd => "SSD",
            Self::Droc => "DROC",
            Self::DeepSvdd => "Deep SVDD",
            Self::Rotnet => "RotNet",
            Self::RotTrans => "Rot+Trans",
            Self::Geom => "Geom",
            Self::Csi => "CSI",
            Self::Goad => "GOAD",
            Self::Drocc => "DROCC",
            Self::Arnet => "ARNet",
            Self::Stoc => "STOC",
            Self::Panda => "PANDA",
            Self::Elsa => "ELSA",
        };
        match (self, norm) {
            (_, Norm::None) => name.into(),
            (Self::Simsiam | Self::Byol, Norm::Both) | (Self::Simclr, Norm::F) => format!("{name}(n)"),
            (Self::SimclrRot, Norm::F) => "SimCLR(n-)".into(),
            (_, norm) => format!("{name}, norm {norm}"),
        }
    }

    /// Whether it is one of the methods that the paper compares with: they are trained as their own papers say, without
    /// its normalisation.
    pub fn is_rival(self) -> bool {
        !matches!(self, Self::Simsiam | Self::Byol | Self::Simclr | Self::SimclrRot)
    }

    /// Whether it learns from random views; if not, from the images as they are.
    pub fn draws_views(self) -> bool {
        !matches!(
            self,
            Self::DeepSvdd
                | Self::Rotnet
                | Self::RotTrans
                | Self::Geom
                | Self::Goad
                | Self::Drocc
                | Self::Arnet
                | Self::Panda
        )
    }

    /// Whether it begins with weights from elsewhere ([`TrainConfig::weights`](super::TrainConfig::weights)).
    pub fn adapts_weights(self) -> bool {
        self == Self::Panda
    }

    /// Whether it learns from anomalies that it is told are some: it has seen labels, which no other has.
    pub fn is_told_anomalies(self) -> bool {
        self == Self::Elsa
    }

    /// Whether every view is shown in four rotations, which are negatives of each other.
    pub fn rotates_views(self) -> bool {
        matches!(self, Self::SimclrRot | Self::Droc | Self::Stoc | Self::Csi)
    }

    /// What must differ between images: a network that gives every image the same has collapsed.
    pub fn keeps_apart(self) -> Apart {
        match self {
            Self::Drocc => Apart::Logits,
            _ if self.draws_views() => Apart::Projections,
            _ => Apart::Embeddings,
        }
    }

    /// Whether the network takes the contrast out of each image: see [`PixelNorm::contrast`](super::PixelNorm::contrast).
    pub fn normalizes_contrast(self) -> bool {
        self == Self::DeepSvdd
    }

    /// Whether its projector is SimCLR's, which may have a batch norm.
    pub fn projects_like_simclr(self) -> bool {
        use Objective::{Csi, Droc, Elsa, Simclr, SimclrRot, Ssd, Stoc};
        matches!(self, Simclr | SimclrRot | Ssd | Droc | Stoc | Csi | Elsa)
    }

    /// Whether its loss divides cosines by a temperature: those with SimCLR's projector have SimCLR's loss, too.
    pub fn has_temperature(self) -> bool {
        self.projects_like_simclr()
    }

    /// How many pictures of one image a training step embeds: what a step costs.
    pub fn pictures(self) -> usize {
        match self {
            Self::Simsiam | Self::Byol | Self::Simclr | Self::Ssd | Self::Elsa => 2,
            Self::SimclrRot | Self::Droc | Self::Stoc | Self::Csi => 8,
            Self::DeepSvdd | Self::Panda => 1,
            // The image, and a point around it: five times on its way and once where it ends.
            Self::Drocc => 7,
            Self::Rotnet | Self::RotTrans | Self::Geom | Self::Goad | Self::Arnet => 4,
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
        assert_eq!(Objective::Ssd.with_norm(Norm::None), "SSD");
    }

    #[test]
    fn words_are_the_same_on_the_command_line_and_in_files() {
        for objective in [
            "simsiam",
            "byol",
            "simclr",
            "simclr-rot",
            "ssd",
            "droc",
            "deep-svdd",
            "rotnet",
            "rot-trans",
            "geom",
            "csi",
            "goad",
            "drocc",
            "arnet",
            "stoc",
            "panda",
            "elsa",
        ] {
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
