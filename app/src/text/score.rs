//! What the views Score and Separate say.

use nsa_core::config::AugmentConfig;

// --- layers by scorers -----------------------------------------------------------------------------------

/// Heading of the table of scores.
pub const MATRIX_TITLE: &str = "Every layer, every scorer";
pub const MATRIX_NOTE: &str = "AUROC in %: large, of the images shown, computed here; small, of the whole test set. \
     Choose a cell, or walk with the arrow keys, and the page follows.";
/// The ensemble in a narrow column.
pub const ENSEMBLE: &str = "Ensemble";
/// The ensemble in a menu.
pub const ENSEMBLE_LONG: &str = "Ensemble of all layers";

pub fn cell(score: &str, value: &str, note: &str) -> String {
    if note.is_empty() { format!("{score}: {value}") } else { format!("{score}: {value}, {note}") }
}

/// What stands in for scores of images that may not be shown.
pub fn recorded(epoch: u32) -> String {
    format!("AUROC of the test images that training followed, recorded at epoch {epoch}")
}

/// The record has one score of the bundle's.
pub const NOT_RECORDED: &str = "There are no images of this data set here, and training recorded scores by k-Cos (Mah) on \
     block 4 only: choose it to see how they part.";

// --- an image's details ----------------------------------------------------------------------------------

pub const TILES: &str = "Test images, each opens its details";
/// Opens the details of an own image.
pub const DETAILS: &str = "Why this score?";
pub const PREVIOUS: &str = "← Before";
pub const NEXT: &str = "Next →";
pub const CLOSE: &str = "Close";
/// Heading of the strip of scores.
pub const PLACE_TITLE: &str = "Where it stands";
/// Heading of the table of an image's scores.
pub const EVERY_SCORE: &str = "By every layer and scorer";
/// Heading of the stacked bar.
pub const ENSEMBLE_TITLE: &str = "The ensemble is a sum";
pub const NEIGHBOURS_TITLE: &str = "Nearest training images";
/// Pictures of other people's data sets are not here.
pub const NO_PICTURES: &str = "Other people\u{2019}s training pictures are not published with this page: it knows their features and numbers only.";
/// A neighbour whose number the bundle does not tell.
pub const TRAINING_UNKNOWN: &str = "a training image";
pub const ASKING: &str = "The engine is looking for them …";
pub const ANGLE_TITLE: &str = "Angle to the normal class";
pub const VIEWS_TITLE: &str = "What training would have seen";
pub const AGAIN: &str = "Draw again";

/// A test image in words.
pub fn test_image(normal: bool, class: &str, index: usize) -> String {
    let side = if normal { "Normal" } else { "Anomaly" };
    format!("{side}: test image {index} of class {class}")
}

/// What the threshold says of an image, and whether that is right, where that is known.
pub fn verdict(anomalous: Option<bool>, is_anomaly: Option<bool>) -> &'static str {
    match (anomalous, is_anomaly) {
        (None, _) => "There is no score yet.",
        (Some(true), None) => "Called anomalous.",
        (Some(false), None) => "Called normal.",
        (Some(true), Some(true)) => "Called anomalous, which is right.",
        (Some(false), Some(false)) => "Called normal, which is right.",
        (Some(true), Some(false)) => "Called anomalous, which is a false alarm.",
        (Some(false), Some(true)) => "Called normal, so this anomaly is missed.",
    }
}

/// Where a score stands: shares of normal images and of anomalies below it, with how many there are.
pub fn place(id: Option<(String, usize)>, ood: Option<(String, usize)>) -> String {
    let part =
        |what: &str, side: Option<(String, usize)>| side.map(|(share, n)| format!("{share} % of the {n} {what}"));
    match (part("normal images", id), part("anomalies shown", ood)) {
        (Some(id), Some(ood)) => format!("Its score is above those of {id} and of {ood}."),
        (Some(one), None) | (None, Some(one)) => format!("Its score is above those of {one}."),
        (None, None) => "There are no scores here to compare with.".into(),
    }
}

/// Below the table of an image's scores.
pub fn every_score_note(n: usize) -> String {
    format!("Large: the score. Small: the share of the {n} normal images shown that score lower.")
}

pub fn ensemble_sum(sum: f32, parts: usize) -> String {
    format!(
        "{sum:.2} in all, of {parts} parts. Each is a score on the scale of its own training images: 0 is the least \
         anomalous of them, 1 the most. Less than 0 and more than 1 are possible."
    )
}

/// Where the neighbours are near.
pub fn neighbours(score: &str) -> String {
    format!("In the space where {score} compares. The nearest is k-Cos\u{2019}s score itself.")
}

/// A training image in words.
pub fn training_image(class: &str, index: usize) -> String {
    format!("No. {index} of class {class}")
}

/// A training image of which only the place is known.
pub fn training_position(position: u32) -> String {
    format!("No. {position}")
}

/// An angle in radians for people.
pub fn degrees(angle: f64) -> String {
    format!("{:.1}°", angle.to_degrees())
}

pub fn angle(angle: f64) -> String {
    format!(
        "{} between this image\u{2019}s features (block 4, pooled) and the mean of all training images, in full dimension. \
         Two random directions there are about 90° apart.",
        degrees(angle)
    )
}

pub fn views(config: &AugmentConfig) -> String {
    let mut parts = vec![format!("a crop of {:.0} to 100 % of the area", 100.0 * config.crop_min)];
    if config.flip > 0.0 {
        parts.push(format!("mirrored {:.0} %", 100.0 * config.flip));
    }
    if config.jitter > 0.0 {
        parts.push(format!("colours changed {:.0} %", 100.0 * config.jitter));
    }
    if config.grayscale > 0.0 {
        parts.push(format!("grey {:.0} %", 100.0 * config.grayscale));
    }
    format!(
        "Training pulled two such views of each normal image together: {} of the time. No shifted ones, like rotations, as positives.",
        parts.join(", ")
    )
}

pub fn view(number: usize) -> String {
    format!("Random view {number}")
}

/// The engine had no answer about an image.
pub fn detail_failed(why: &str) -> String {
    format!(
        "The engine could not explain this image ({}): close the details and open them again.",
        why.trim_end_matches('.')
    )
}

// --- separate --------------------------------------------------------------------------------------------

/// Heading of the confusion matrix.
pub const CONFUSION_TITLE: &str = "At this threshold";
/// Column of images below the threshold.
pub const CALLED_NORMAL: &str = "called normal";
/// Column of images above the threshold.
pub const CALLED_ANOMALY: &str = "called anomalous";
/// False positive rate where 95 % of the anomalies are caught.
pub const FPR95: &str = "FPR95: normal images flagged where 95 % of the anomalies are caught";
/// Average precision, anomalies as positives.
pub const AUPR_OUT: &str = "AUPR, anomalies as positives";
/// Average precision, normal images as positives.
pub const AUPR_IN: &str = "AUPR, normal images as positives";

/// How far an AUROC may be off.
pub fn sampling_error(low: &str, high: &str, id: usize, ood: usize) -> String {
    format!("{low} to {high} with 95 % confidence, from {id} normal images and {ood} anomalies")
}

// --- own images ------------------------------------------------------------------------------------------

pub const CAMERA_ON: &str = "Use the camera";
pub const CAMERA_TAKE: &str = "Take a picture";
pub const CAMERA_OFF: &str = "Camera off";
pub const CAMERA_SEES: &str = "What the camera sees; the middle is taken";
/// Name of a picture of the camera.
pub const CAMERA_NAME: &str = "Camera";
/// It was unplugged, or the browser took it away.
pub const CAMERA_GONE: &str =
    "The camera is gone: plug it in again, or close what else uses it, and switch it on here.";
/// Another program has taken it; it comes back by itself.
pub const CAMERA_MUTED: &str =
    "The camera gives no pictures just now: another program may have taken it. It goes on here when that lets it go.";
/// Above the menu of cameras.
pub const CAMERA_WHICH: &str = "Which camera";

/// A camera whose name the browser does not tell.
pub fn camera_number(number: usize) -> String {
    format!("Camera {number}")
}

/// There is no camera to ask for.
pub const CAMERA_MISSING: &str =
    "This browser gives pages no camera, or this page is not served by https: drop a picture here instead.";

/// The camera was asked for and did not come.
pub fn camera_refused(error: &str) -> String {
    match error {
        "NotAllowedError" | "SecurityError" => {
            "The camera is not allowed here: allow it for this page in the browser\u{2019}s settings, or drop a picture instead.".into()
        }
        "NotFoundError" | "OverconstrainedError" => "No camera was found: connect one, or drop a picture instead.".into(),
        "NotReadableError" | "AbortError" => "The camera is busy in another program: close that, then try again.".into(),
        _ => format!("The camera did not start ({error}): try again, or drop a picture instead."),
    }
}

pub const PAD_OPEN: &str = "Draw one";
pub const PAD_LABEL: &str = "Drawing pad of 32 by 32 pixels";
pub const PAD_KEYS: &str =
    "With the keyboard: arrows move the frame, Space paints, Shift and an arrow draws on the way.";
pub const PAD_TOOL: &str = "Tool";
pub const PAD_BRUSH: &str = "Brush";
pub const PAD_ERASER: &str = "Eraser";
pub const PAD_WIDTH: &str = "Width";
pub const PAD_COLOUR: &str = "Colour";
/// Covers all with the colour.
pub const PAD_FILL: &str = "Fill";
pub const PAD_CLEAR: &str = "Empty";
pub const DRAWING_NAME: &str = "Drawing";

/// Where the keyboard's frame is.
pub fn pad_cursor((x, y): (usize, usize)) -> String {
    format!("Column {}, row {}", x + 1, y + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_have_the_parts_that_are_known() {
        let side = |share: &str| Some((share.to_string(), 36));
        let both = place(side("50.0"), side("2.8"));
        assert_eq!(
            both,
            "Its score is above those of 50.0 % of the 36 normal images and of 2.8 % of the 36 anomalies shown."
        );
        assert!(place(side("50.0"), None).ends_with("36 normal images."));
        assert!(verdict(Some(false), Some(true)).contains("missed"));
        assert!(camera_refused("NotAllowedError").contains("allow it"));
    }

    #[test]
    fn the_augmentation_is_told_without_what_it_leaves_out() {
        let told = views(&AugmentConfig { flip: 0.0, ..AugmentConfig::default() });
        assert!(told.contains("a crop of 20 to 100 %") && !told.contains("mirrored"), "{told}");
    }
}
