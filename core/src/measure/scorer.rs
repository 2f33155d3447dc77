//! The scorers by name.

use crate::config::words;

words! {
    "scorer",
    /// How features become one number an image.
    #[derive(PartialOrd, Ord, Hash)]
    pub enum Scorer {
        /// Angle to the nearest training feature.
        "k-cos" => KCos,
        /// The same in Mahalanobis space, whitened but not centred: the paper's default.
        ///
        /// Equation 2 centres. But in the paper's tables 6 to 8 k-Cos (Mah) and c-Cos (Mah) of the flat maps agree to 0.1
        /// (83.58 and 83.52, 91.20 and 91.12, 84.46 and 84.40), and fall apart where the mean is zero (77.41 and 54.64 behind
        /// a batch norm): so they would if neither was centred, and there is no reason for it if one was.
        ///
        /// It whitens y / |y|: in table 11 c-Cos (Mah) and GDE differ by 0.60 on average over 48 rows, and GDE is of unit
        /// features.
        "k-cos-mah" => KCosMah,
        /// The second reading: the same of y as it is.
        "k-cos-mah-raw" => KCosMahRaw,
        /// Equation 2 to the letter, whitened and centred: of features as they are it is near chance by nature.
        ///
        /// Seen from their mean, whitened features of a Gaussian class lie in all directions alike, and so do those of
        /// anything else: what an angle from there leaves out, how far away a query is, was all there was to see.
        "k-cos-mah-centred" => KCosMahCentred,
        /// Angle to the mean direction of the training features.
        "c-cos" => CCos,
        /// The same in Mahalanobis space, whitened but not centred, of y / |y|.
        "c-cos-mah" => CCosMah,
        /// The second reading: the same of y as it is.
        "c-cos-mah-raw" => CCosMahRaw,
        /// Kernel density of the directions (Sohn et al. 2020).
        "kde" => Kde,
        /// One Gaussian with full covariance, of the directions (Sohn et al. 2020).
        "gde" => Gde,
        /// The second reading: the same of y as it is.
        "gde-raw" => GdeRaw,
        /// One-class support vector machine with a Gaussian kernel of the directions.
        "oc-svm" => OcSvm,
        /// Squared distance to the nearest training features, as they are (DN2, PANDA).
        "knn-l2" => KnnL2,
        /// Mahalanobis distance of the directions (SSD).
        "mahalanobis" => Mahalanobis,
        /// Mahalanobis distance of the features as they are, by a shrunk covariance (Ledoit & Wolf 2004): also of raw pixels.
        "mahalanobis-shrunk" => MahalanobisShrunk,
        /// Length of the features: how far they are from the origin, which is the centre of Deep SVDD's projection.
        "length" => Length,
        /// Minus the mean of the features: of log-probabilities of the transformations that an image was put through, how
        /// badly they are told (Golan & El-Yaniv 2018).
        "shift-log-prob" => ShiftLogProb,
        /// CSI's own, of the row `shifts`: nearest cosine times length and logit of the right answer, over all
        /// transformations (Tack et al. 2020).
        "csi" => Csi,
        /// GOAD's own, of the row `shifts`: minus the log-probability, by distance from the centres, that each transformation
        /// was the one that it was (Bergman & Hoshen 2020).
        "goad" => Goad,
        /// Golan & El-Yaniv's own, of the row `shifts`: minus the log-likelihood of all answers to all transformations, by a
        /// Dirichlet distribution for each.
        "dirichlet" => Dirichlet,
        /// STOC's last classifier: one Gaussian, of the directions of those training images that an ensemble of five keeps (Yoon
        /// et al. 2021).
        "stoc" => Stoc,
        /// Minus the mean of the features: of DROCC's head, which has one, minus the logit of an image being of the class.
        "logit" => Logit,
        /// Minus the mean of the features: of ARNet's row `shifts` the mean absolute error of what is restored.
        "restoration" => Restoration,
        /// ELSA's own, of the row `prototypes`: how far from all prototypes an image is (Han et al. 2021).
        "energy" => Energy,
    }
}

impl Scorer {
    /// Angles, given by a bank: the paper's four, and k-Cos (Mah) with centring.
    pub const ANGULAR: [Self; 5] = [Self::KCos, Self::KCosMah, Self::KCosMahCentred, Self::CCos, Self::CCosMah];

    /// Those that are only of the row of what a network itself says, `shifts` or `prototypes`.
    pub const OF_ROWS: [Self; 4] = [Self::Csi, Self::Goad, Self::Dirichlet, Self::Energy];

    /// How many neighbours its authors look at: DN2's are two, the paper's k is 1. Of no meaning to most scorers.
    pub fn default_k(self) -> usize {
        if self == Self::KnnL2 { 2 } else { 1 }
    }
}
