//! Every sentence and label of the page, in one place; those that only one view shows are in a file of its name.

pub mod compact;
pub mod models;
pub mod score;
pub mod shell;
pub mod sphere;
pub mod story;
pub mod terms;
pub mod train;
pub mod yours;

use crate::state::{BackendChoice, Filter, Sort};
use crate::stats::megabytes;
use nsa_core::bundle::Provenance;
use nsa_core::config::{Norm, Objective};
use nsa_core::model::Layer;

// --- menus and buttons -----------------------------------------------------------------------------------

/// The menus at the top.
pub const CONTROLS: &str = "Model and score";
pub const MODEL: &str = "Model";
pub const SCORER: &str = "Score";
pub const ENGINE: &str = "Engine";
/// Choice of the images shown.
pub const SHOW: &str = "Show";
pub const SORT: &str = "Sort by";
pub const OTHER_IMAGES: &str = "New images";
/// Starts a dead engine again.
pub const RESTART: &str = "Restart the engine";
pub const DATA: &str = "Data of this chart";
/// Opens what is known about a model.
pub const PROVENANCE: &str = "Where this model comes from";
/// The threshold and its slider.
pub const THRESHOLD: &str = "Threshold";
/// Gives the threshold back to the page.
pub const THRESHOLD_RESET: &str = "Reset to 5 % false alarms";

pub fn backend(choice: BackendChoice) -> &'static str {
    match choice {
        BackendChoice::Auto => "Auto",
        BackendChoice::Webgpu => "WebGPU",
        BackendChoice::Cpu => "CPU",
    }
}

pub fn filter(filter: Filter) -> &'static str {
    match filter {
        Filter::All => "All",
        Filter::Id => "Normal",
        Filter::Ood => "Anomalies",
        Filter::Mistakes => "Mistakes",
    }
}

pub fn sort(sort: Sort) -> &'static str {
    match sort {
        Sort::Score => "Score",
        Sort::Class => "Class",
    }
}

// --- headings and explanations ---------------------------------------------------------------------------

/// Heading of the gallery until it is known what the model knows.
pub const GALLERY_TITLE: &str = "Score";
pub const SEPARATE_TITLE: &str = "Separate";
pub const SEPARATE_LEAD: &str =
    "The further apart the two hills, the better. Move the threshold and see what it costs.";
/// Heading of the ROC curve.
pub const ROC_TITLE: &str = "Every threshold at once: the ROC curve";
pub const OWN_TITLE: &str = "Your turn";
pub const OWN_LEAD: &str =
    "Any image, squeezed to 32 x 32 pixels. The model has only ever seen one class: what will it make of yours?";
pub const ID: &str = "Normal (ID)";
pub const OOD: &str = "Anomalies (OOD)";
/// Own images in the histogram.
pub const OWN_KEY: &str = "Your images";
/// Marked images in charts and pictures.
pub const MARKED_KEY: &str = "Marked";
/// AUROC of the images shown.
pub const AUROC_LIVE: &str = "AUROC of the images shown, computed here";
/// AUROC of the whole test set.
pub const AUROC_TEST: &str = "AUROC of the whole test set, measured in training";
pub const CAUGHT: &str = "Anomalies caught (TPR)";
pub const FLAGGED: &str = "Normal images flagged (FPR)";
/// A filter lets nothing through.
pub const NOTHING_SHOWN: &str = "No image matches: at this threshold there are no mistakes, or no scores yet.";

/// Below the gallery's heading: what the model has seen, and how to read its numbers.
pub fn gallery_lead(seen: Option<String>) -> String {
    let seen = seen.unwrap_or("one class".into());
    format!("It has only ever seen {seen}. Every image gets one number: low is typical, high is anomalous.")
}

/// Which number that is.
pub fn gallery_number(score: &str) -> String {
    format!("The number here: {score}.")
}

pub fn tile(normal: bool, class: &str, score: Option<f32>, mistaken: bool, marked: bool) -> String {
    let side = if normal { "Normal" } else { "Anomaly" };
    let score = score.map_or("not scored yet".into(), |s| format!("score {s:.3}"));
    let mistaken = if mistaken { ", on the wrong side of the threshold" } else { "" };
    format!("{side}, class {class}, {score}{mistaken}{}", if marked { ", marked" } else { "" })
}

/// How many images are marked.
pub fn marked(n: usize) -> String {
    if n == 1 { "One image is marked in every view.".into() } else { format!("{n} images are marked in every view.") }
}

pub const UNMARK: &str = "Unmark";

pub fn of(part: usize, whole: usize) -> String {
    format!("{part} of {whole}")
}

/// A feature map for people.
pub fn layer(layer: Layer) -> String {
    match layer {
        Layer::Flat(block) => format!("block {block}"),
        Layer::Pooled(block) => format!("block {block}, pooled"),
        Layer::Head(head) => format!("head {head}"),
        Layer::Shifts => "transformed views".into(),
        Layer::Prototypes => "prototypes".into(),
        Layer::Pixels => "pixels".into(),
    }
}

/// What an AUROC was measured on.
pub fn auroc_measured(provenance: &Provenance) -> String {
    format!("AUROC on {} normal and {} anomalous test images", provenance.test_id, provenance.test_ood)
}

/// Seconds for people.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

// --- own images ------------------------------------------------------------------------------------------

/// Before there is any result.
pub const OWN_NONE: &str = "Here you will see your image as the model sees it, its score, and how many normal images score lower. \
     A line in the histogram shows where it stands.";
/// The button of the file input.
pub const OWN_PICK: &str = "Choose images";
pub const OWN_DROP: &str = "or drop them anywhere on the page, or paste";
/// Over the page while files hover above it.
pub const OWN_VEIL: &str = "Drop to score";
/// An address was dropped, not a file.
pub const OWN_ADDRESS: &str = "That was the address of an image, not its file: save the image, then drop the file here. \
     Nothing is fetched from other sites.";
/// An image that has no score yet.
pub const OWN_WAITING: &str = "Waiting for its score …";
/// Takes all own images away.
pub const OWN_CLEAR: &str = "Clear";
pub const OWN_PRIVATE: &str = "Your images stay in this browser. Nothing is uploaded.";

/// What the model sees of an own image.
pub fn own_picture(name: &str) -> String {
    format!("{name} as the model sees it")
}

/// Where an own image's score stands.
pub fn own_verdict(share: Option<String>, n: usize, anomalous: Option<bool>) -> String {
    let call = match anomalous {
        Some(true) => "Called anomalous",
        Some(false) => "Called normal",
        None => return "There are no normal images here to compare with.".into(),
    };
    share.map_or(format!("{call}."), |s| {
        format!("{call}: its score is above those of {s} % of the {n} normal images shown.")
    })
}

/// More files than are taken.
pub fn own_too_many(given: usize, kept: usize) -> String {
    format!("{given} images were given, {kept} of them were taken: give the others once these have their scores.")
}

// --- how far the page is ---------------------------------------------------------------------------------

/// The browser is asked what it can do.
pub const CHOOSING: &str = "Looking for the best engine …";
pub const ENGINE_DEAD: &str = "The engine has stopped";

/// The engine's program is on its way.
pub fn loading_engine(backend: &str, loaded: u64, total: u64) -> String {
    format!("Loading the {backend} engine: {}", bytes(loaded, total))
}

/// A model is on its way.
pub fn loading_model(loaded: u64, total: u64) -> String {
    format!("Loading the model: {}", bytes(loaded, total))
}

fn bytes(loaded: u64, total: u64) -> String {
    match total {
        0 => megabytes(loaded),
        _ => {
            format!("{} of {} ({} %)", megabytes(loaded.min(total)), megabytes(total), loaded.min(total) * 100 / total)
        }
    }
}

pub fn running(backend: &str, device: &str, (scored, all): (usize, usize)) -> String {
    let engine = match device {
        // Some drivers give a number for a name, or nothing.
        nameless if !nameless.chars().any(char::is_alphabetic) => backend.to_string(),
        named if named.starts_with(backend) => named.to_string(),
        named => format!("{backend} ({named})"),
    };
    let images = if scored < all { format!(": {scored} of {all} images scored") } else { String::new() };
    format!("Runs in your browser on {engine}{images}")
}

/// All tiles have their score.
pub fn all_scored(n: usize, auroc: &str) -> String {
    format!("All {n} images are scored. AUROC {auroc} percent.")
}

// --- charts ----------------------------------------------------------------------------------------------

/// Title of the histogram's horizontal axis.
pub const SCORE_AXIS: &str = "score (low: typical, high: anomalous)";
/// Title of the histogram's vertical axis.
pub const IMAGES_AXIS: &str = "images";
/// Title of the ROC curve's horizontal axis.
pub const FPR_AXIS: &str = "normal images flagged, %";
/// Title of the ROC curve's vertical axis.
pub const TPR_AXIS: &str = "anomalies caught, %";

/// Columns of the histogram's data.
pub const HISTOGRAM_HEAD: [&str; 4] = ["Score from", "to", "ID images", "OOD images"];
/// Columns of the ROC curve's data.
pub const ROC_HEAD: [&str; 2] = ["Normal images flagged, %", "Anomalies caught, %"];

/// A histogram before any score.
pub const HISTOGRAM_EMPTY: &str = "Histogram of scores: none computed yet.";
/// A ROC curve before there are scores on both sides.
pub const ROC_EMPTY: &str = "ROC curve: it needs scores of ID and OOD images.";

/// The names that people know scorers by; a scorer that is not here goes by its word.
const SCORERS: [(&str, &str); 23] = [
    ("k-cos", "k-Cos"),
    ("k-cos-mah", "k-Cos (Mah)"),
    ("k-cos-mah-raw", "k-Cos (Mah) of raw features"),
    ("k-cos-mah-centred", "k-Cos (Mah, centred)"),
    ("c-cos", "c-Cos"),
    ("c-cos-mah", "c-Cos (Mah)"),
    ("c-cos-mah-raw", "c-Cos (Mah) of raw features"),
    ("kde", "KDE"),
    ("gde", "Gaussian (GDE)"),
    ("gde-raw", "Gaussian (GDE, raw features)"),
    ("oc-svm", "OC-SVM"),
    ("knn-l2", "kNN (L2)"),
    ("mahalanobis", "Mahalanobis"),
    ("mahalanobis-shrunk", "Mahalanobis (shrunk)"),
    ("length", "Distance to the centre"),
    ("shift-log-prob", "Transformations told"),
    ("csi", "CSI"),
    ("goad", "GOAD"),
    ("dirichlet", "Transformations told (Dirichlet)"),
    ("stoc", "Gaussian of refined data (STOC)"),
    ("logit", "Taken for an anomaly"),
    ("restoration", "Badly restored"),
    ("energy", "Energy (ELSA)"),
];

pub fn scorer(word: &str) -> &str {
    SCORERS.iter().find(|(key, _)| *key == word).map_or(word, |(_, name)| name)
}

/// An objective with its normalisation, as the paper writes it: SimSiam(n). Words of another version stay as they are.
pub fn objective(objective: &str, norm: &str) -> String {
    match (objective.parse::<Objective>(), norm.parse::<Norm>()) {
        (Ok(objective), Ok(norm)) => objective.with_norm(norm),
        _ => format!("{objective}, norm {norm}"),
    }
}

/// There is no WebGPU to begin with, or only one that a program plays.
pub const NO_ADAPTER: &str =
    "No graphics processor answers through WebGPU here: the CPU engine does the work, same scores, less speed.";
/// WebGPU did not start.
pub const WEBGPU_TO_CPU: &str = "WebGPU did not start here, so the CPU engine does the work: same scores, less speed.";
/// WebGPU was lost once more.
pub const WEBGPU_LOST: &str = "WebGPU stopped again, so the CPU engine goes on: same scores, less speed.";
/// The engine stopped and was started again.
pub const ENGINE_RESTARTED: &str = "The engine stopped and was started again; nothing on the page is lost.";
/// An own image that the engine was working on when it stopped.
pub const OWN_INTERRUPTED: &str = "The engine stopped while it scored this image: try the image again.";

/// The list of models cannot be used.
pub fn catalog_failed(why: &str) -> String {
    format!("The list of models cannot be used ({}): reload the page, or build the site again.", clause(why))
}

/// A model cannot be used.
pub fn model_failed(title: &str, why: &str) -> String {
    format!("The model \u{201c}{title}\u{201d} cannot be used ({}): choose another one from the menu.", clause(why))
}

/// The engine is dead and stays so until a person starts it again.
pub fn engine_failed(why: &str) -> String {
    format!("{} Start it again with the button; the page keeps its state.", sentence(why))
}

/// The gallery could not be scored.
pub fn scoring_failed(why: &str) -> String {
    format!("The gallery could not be scored ({}): restart the engine or choose another model.", clause(why))
}

/// A model of a person's own images.
pub const OWN_GALLERY: &str = "This model was trained on somebody's own images, and there are none of them here:                                give it some in the view Yours, and try others against them.";

/// No gallery was built for a data set.
pub fn gallery_missing(dataset: &str) -> String {
    format!(
        "No pictures of {} here, as other people's are not published with this page: `make demo` fetches them where it can, \
         scripts/galleries.sh packs those that you have. Scores, curves and the sphere are here all the same.",
        models::dataset(dataset)
    )
}

/// A gallery's file did not come.
pub fn gallery_failed(why: &str) -> String {
    format!("The gallery did not load ({}): reload the page, or score your own images below.", clause(why))
}

/// A sentence as part of another.
fn clause(sentence: &str) -> &str {
    sentence.trim().trim_end_matches('.')
}

fn sentence(text: &str) -> String {
    format!("{}.", clause(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_names_the_engine_once() {
        assert_eq!(running("CPU", "CPU (WebAssembly SIMD)", (8, 8)), "Runs in your browser on CPU (WebAssembly SIMD)");
        assert_eq!(
            running("WebGPU", "Apple M3", (2, 8)),
            "Runs in your browser on WebGPU (Apple M3): 2 of 8 images scored"
        );
        assert_eq!(running("WebGPU", "0", (8, 8)), "Runs in your browser on WebGPU");
        assert_eq!(loading_model(500_000, 1_000_000), "Loading the model: 0.5 MB of 1.0 MB (50 %)");
    }

    #[test]
    fn layers_and_objectives_have_names() {
        assert_eq!(
            [Layer::EMBEDDING, Layer::Flat(2), Layer::Head(1)].map(layer),
            ["block 4, pooled", "block 2", "head 1"]
        );
        assert_eq!(objective("simsiam", "both"), "SimSiam(n)");
        assert_eq!(scorer("k-cos-mah"), "k-Cos (Mah)");
    }

    #[test]
    fn one_sentence_stays_one_sentence() {
        let message = model_failed("Digits", "bank.safetensors is cut.");
        assert_eq!(
            message,
            "The model \u{201c}Digits\u{201d} cannot be used (bank.safetensors is cut): choose another one from the menu."
        );
    }
}
