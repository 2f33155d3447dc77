//! What the view of the hypersphere says.

use crate::sphere::Spread;
use crate::state::Projection;

pub const TITLE: &str = "Sphere";
/// Before there is any point.
pub const EMPTY: &str = "The hypersphere: no image has a place yet.";
pub const MAP: &str = "Map";
pub const TURN: &str = "Rotate";
/// The camera as it was at first.
pub const RESET: &str = "Reset view";
pub const NEARER: &str = "Zoom in";
pub const FARTHER: &str = "Zoom out";
pub const KEYS: &str = "Drag to turn, wheel or pinch to zoom. Keys: arrows turn, + and - zoom, . and , step through the \
     images outwards and inwards, Enter selects, Escape lets go.";
/// Shows where points lie densely.
pub const DENSITY: &str = "Density";
pub const DENSITY_NOTE: &str = "Contours: inside the strong line lies half of each kind, inside the thin one nine in ten, by a \
     kernel density of the points as they stand on this picture.";
/// Draws a line around images.
pub const LASSO: &str = "Lasso";
pub const LASSO_KEYS: &str = "Draw around images to mark them in every view; Shift adds to those marked. With the keyboard: walk with \
     . and , and press m.";
/// The picture, for those who cannot see it.
pub const PICTURE: &str = "The hypersphere";
pub const POLE: &str = "ID mean";
/// The angle between an image and the ID mean.
pub const ANGLE: &str = "Angle to the ID mean";
/// The score of an image.
pub const SCORE: &str = "Score";
/// Before an image is pointed at.
pub const NOTHING_PICKED: &str = "Point at an image, or press . to walk through them from the mean outwards.";
/// Lets go of an image.
pub const LET_GO: &str = "Let go";
pub const DETAILS: &str = "Details";
pub const SELECT: &str = "Select";
/// Principal components need the engine.
pub const PCA_WAITS: &str = "Principal components are computed here from the gallery's features: the engine is at it.";
pub const HEAD: [&str; 5] = ["Image", "Side", "Class", "Angle to the ID mean, °", "Score"];

pub fn map(projection: Projection) -> &'static str {
    match projection {
        Projection::Angle => "Exact angle",
        Projection::Pca => "PCA",
    }
}

/// What a projection shows and what it cannot.
pub fn lead(projection: Projection, dim: Option<usize>) -> String {
    let dims = dim.map_or("many".into(), |d| d.to_string());
    match projection {
        Projection::Angle => format!(
            "Every image is a direction in {dims} dimensions. The pole is the mean of the normal class, and the distance \
             from it is the true angle. Directions without any preference would crowd at the equator, 90° away."
        ),
        Projection::Pca => format!(
            "The three directions of largest variance, out of {dims}. Familiar, and to be taken with care: what the \
             other directions hold is not on the picture."
        ),
    }
}

/// What is drawn, written on the picture.
pub fn caption(projection: Projection, explained: Option<f64>) -> String {
    match (projection, explained) {
        (Projection::Angle, _) => "Exact angle to the ID mean, in full dimension".into(),
        (Projection::Pca, Some(share)) => format!("PCA: {:.0} % of the variance", share * 100.0),
        (Projection::Pca, None) => "PCA".into(),
    }
}

/// Which images are on the picture.
pub fn shown(epoch: Option<usize>, samples: usize, images: usize) -> String {
    let live = match images {
        0 => String::new(),
        n => format!("{n} images scored here"),
    };
    let replayed = match (epoch, samples) {
        (Some(epoch), n) if n > 0 => format!("{n} test images after {epoch} epochs, recorded in training"),
        _ => String::new(),
    };
    match (replayed.is_empty(), live.is_empty()) {
        (false, false) => format!("{replayed}; {live}, ringed."),
        (true, true) => String::new(),
        _ => format!("{replayed}{live}."),
    }
}

pub fn summary(id: Option<Spread>, ood: Option<Spread>, own: usize) -> String {
    let side = |name: &str, spread: Spread| {
        format!(
            "{} {name}: half of them within {:.1}° of the ID mean, 95 % within {:.1}°.",
            spread.n, spread.middle, spread.most
        )
    };
    let sides: Vec<String> =
        [id.map(|s| side("normal images", s)), ood.map(|s| side("anomalies", s))].into_iter().flatten().collect();
    let own = match own {
        0 => String::new(),
        1 => " One image of your own.".into(),
        n => format!(" {n} images of your own."),
    };
    if sides.is_empty() { EMPTY.into() } else { format!("{}{own}", sides.join(" ")) }
}

pub fn caps(kappa: f64, dim: usize, half: f64, most: f64) -> String {
    format!(
        "The von Mises-Fisher distribution fitted to the normal class (κ = {kappa:.0} in {dim} dimensions) holds half of \
         its mass within {half:.0}° of the pole and 95 % within {most:.0}°: the two caps."
    )
}

pub fn degrees(radians: f32) -> String {
    format!("{:.1}°", f64::from(radians).to_degrees())
}

pub fn name(normal: bool, class: &str) -> String {
    format!("{}, class \u{201c}{class}\u{201d}", if normal { "Normal" } else { "Anomaly" })
}
