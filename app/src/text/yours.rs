//! Texts of the view "Yours".

use nsa_core::bundle::MIN_NORMAL;
use nsa_core::data::MIN_OWN;
use nsa_core::eval::Alarm;
use nsa_core::score::MIN_GROUPS;

/// As many images make a threshold that one in twenty normal images is expected above.
pub const GOOD: usize = 40;

pub const TITLE: &str = "Your own normal";
pub const LEAD: &str = "Show the lab what is normal to you: a mug, a page of your handwriting, forty photos of good parts. It learns them \
                        in a moment, without training, and then says how unusual anything else is.";
pub const PRIVATE: &str = "Everything stays in this browser: nothing is uploaded.";

pub const NORMAL_TITLE: &str = "1. Normal";
pub const NORMAL_LEAD: &str =
    "Give it images of what is normal, from as many sides as it will be seen from. A zip of images will do.";
pub const FIT_TITLE: &str = "2. Fit";
pub const TRY_TITLE: &str = "3. Try";
pub const TRY_LEAD: &str = "Now show it something: more of the same, and something else.";

pub const FOLDER: &str = "A whole folder";
pub const BURST: &str = "Take 50 in 10 seconds";
pub const HOLD: &str = "Hold to take pictures";
pub const CAMERA_NAME: &str = "Camera";
pub const DRAWING_NAME: &str = "Drawing";
pub const ADD_DRAWING: &str = "Add the drawing";
pub const CLEAR: &str = "Remove all";
pub const UNDO: &str = "Undo";
pub const REFUSED: &str = "These gave no image:";
pub const ENCODER: &str = "Encoder";
pub const ADVICE: &str = "Measured on eleven small problems: for photographs \u{201c}Knows all of CIFAR-10\u{201d} tells more apart, for \
                          drawings and writing \u{201c}Knows the digit 2\u{201d}.";
pub const SCORE: &str = "Score";
pub const ALARMS: &str = "Normal images that may be called anomalous";
pub const STRIP: &str = "What normal images score that it has not seen, and from where on it calls an image anomalous";
pub const NOT_YET: &str = "There is nothing to try against yet: give it normal images first.";
pub const PAUSE: &str = "Pause";
pub const GO_ON: &str = "Go on";
pub const SNAPSHOT: &str = "Snapshot";
pub const SOUND: &str = "Sound when anomalous";
pub const NORMAL: &str = "normal";
pub const ANOMALOUS: &str = "anomalous";
pub const WAS_NORMAL: &str = "This one is normal";
pub const WAS_ODD: &str = "This one is odd";
pub const ODD: &str = "Marked as odd";
pub const TRAIN_TITLE: &str = "A network of their own";
pub const TRAIN: &str = "Train on these images";
pub const NEAREST: &str = "Nearest normal images";
pub const ASKING: &str = "asking ...";
pub const KEEP_TITLE: &str = "Keep and share";
pub const NAME: &str = "Name";
pub const TITLE_DEFAULT: &str = "My normal";
pub const SAVE: &str = "Save as a bundle";
pub const SAVE_HINT: &str =
    "A zip with the images and what was fitted to them. It opens here again, and in nsa predict and nsa eval.";
pub const FORGET: &str = "Forget the images";
pub const INVITED: &str = "The link that brought you here has its settings, but not its images: those stay with whom they belong to. Add your own.";

/// More images than are fitted.
pub fn too_many(most: usize) -> String {
    format!(
        "At most {most} normal images are fitted: the others were left out. More are a data set, and worth training on."
    )
}

/// How many images there are, and what is still missing; `views` are how many different ones the last fit has found.
pub fn count(n: usize, views: Option<usize>) -> String {
    let images = if n == 1 { "1 image".into() } else { format!("{n} images") };
    match n {
        0 => format!("No images yet: {MIN_NORMAL} are enough to start, {GOOD} are good."),
        n if n < MIN_NORMAL => format!("{images}: {} more to start, {GOOD} are good.", MIN_NORMAL - n),
        n if views.unwrap_or(n).min(n) < GOOD => format!("{images}: enough to start, {GOOD} different ones are good."),
        _ => format!("{images}: good."),
    }
}

/// How many different views the images show, and what to do where these are few.
pub fn variety(images: usize, views: usize) -> String {
    let shown = match views {
        views if views == images => return format!("All {images} are different views."),
        1 => "about 1 view".into(),
        views => format!("about {views} different views"),
    };
    let told = format!("These {images} pictures are {shown}: near copies count once.");
    match views {
        0..MIN_NORMAL => format!(
            "{told} Show it from other sides, in other places and in other light: {MIN_NORMAL} views at least, {GOOD} are good."
        ),
        _ => told,
    }
}

/// Files that are being read.
pub fn reading(n: usize) -> String {
    format!("Reading {n} more ...")
}

/// What waits for images or for the engine.
pub fn waiting(n: usize) -> String {
    if n < MIN_NORMAL { format!("Waits for {} more images.", MIN_NORMAL - n) } else { "Waits for the engine.".into() }
}

/// How far the fit is.
pub fn fitting(done: usize, total: usize) -> String {
    format!("Looking at image {done} of {total} ...")
}

/// What was fitted.
pub fn fitted(images: usize, layers: usize, millis: f64) -> String {
    format!("Fitted {layers} layers to {images} images in {:.1} s.", millis / 1e3)
}

/// What the threshold promises, which rests on so many different views.
pub fn promise(alarm: &Alarm, views: usize) -> String {
    if views < MIN_GROUPS {
        return format!(
            "Anomalous from {:.1}° on. That holds for new pictures of the same view; what another view of the normal would \
             score cannot be told from {}.",
            f64::from(alarm.threshold).to_degrees(),
            if views == 1 { "one".into() } else { views.to_string() }
        );
    }
    let percent = |share: f64| format!("{:.0}", 100.0 * share);
    let [low, high] = alarm.range.map(percent);
    format!(
        "Anomalous from {:.1}° on. Of normal images that it has not seen {} % are expected there; with {views} views that is \
         not sure: in nine of ten cases it is {low} to {high} %.",
        f64::from(alarm.threshold).to_degrees(),
        percent(alarm.expected)
    )
}

/// What is said of an image.
pub fn verdict(score: f32, anomalous: bool) -> String {
    format!("{}, {:.1}°", if anomalous { ANOMALOUS } else { NORMAL }, f64::from(score).to_degrees())
}

/// Where an image lies on the hypersphere.
pub fn from_mean(angle: f64) -> String {
    format!("{:.1}° from the mean of your normal images on the hypersphere", angle.to_degrees())
}

/// The camera's scores in a sentence.
pub fn strip(seconds: f64, rate: f64, anomalous: usize, all: usize) -> String {
    format!("{all} looks in {seconds:.0} s, {rate:.0} a second; {anomalous} anomalous.")
}

/// What the browser keeps, and how much of it another tab has added.
pub fn kept(images: usize, others: usize) -> String {
    let kilobytes = images * 3;
    let others = match others {
        0 => String::new(),
        others => format!(" {others} of them were added in another tab: reload the page to see them."),
    };
    format!("This browser keeps the {images} images ({kilobytes} kB) until you have it forget them.{others}")
}

/// What training on the images would be good for, or how many are missing.
pub fn train(n: usize) -> String {
    match MIN_OWN.saturating_sub(n) {
        0 => "The encoder above has never seen your images. One that learns from them alone, in this tab, may tell them apart \
              better, or worse: see for yourself. A quarter of them is held back to test with."
            .into(),
        missing => format!("With {missing} more images an encoder can learn from them alone, in this tab."),
    }
}

/// The encoder has learned from these images.
pub const SEEN: &str = "This encoder learned from images like these, maybe from these: those score lower than new ones do, so expect more \
                        false alarms than promised.";

/// An image that is tried is one of those that were fitted.
pub const TRIED_FITTED: &str = "It is one of your normal images: those score lower than new ones do.";

/// Removes an image.
pub fn remove(name: &str) -> String {
    format!("Remove {name}")
}

/// The browser would not keep them.
pub fn not_kept(why: &str) -> String {
    format!(
        "These images are not kept when you leave: {why}. Everything else works; save them as a bundle to keep them."
    )
}

/// The name of an image that came with a bundle.
pub fn image_of_bundle(at: usize) -> String {
    format!("Image {}", at + 1)
}

pub const OPEN: &str = "Open a saved bundle";
pub const NOT_SAVED: &str = "The browser did not save the file: allow this page to download, then try again.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_copies_are_told_and_more_variety_is_asked_for() {
        assert_eq!(variety(24, 24), "All 24 are different views.");
        assert_eq!(variety(48, 24), "These 48 pictures are about 24 different views: near copies count once.");
        let few = variety(50, 3);
        assert!(
            few.starts_with("These 50 pictures are about 3 different views") && few.contains("8 views at least"),
            "{few}"
        );
        assert!(
            count(50, Some(3)).contains("40 different ones are good") && count(50, None).ends_with("50 images: good.")
        );
        assert!(count(7, Some(1)).contains("1 more to start"));
    }

    #[test]
    fn few_views_promise_nothing_of_others() {
        let alarm = Alarm { threshold: 0.1, expected: 0.02, range: [0.0, 0.05] };
        assert!(promise(&alarm, 12).contains("2 % are expected there; with 12 views"));
        let one = promise(&alarm, 1);
        assert!(one.contains("same view") && one.ends_with("cannot be told from one.") && !one.contains('%'), "{one}");
    }

    #[test]
    fn images_of_another_tab_are_told() {
        assert!(kept(9, 0).ends_with("until you have it forget them."));
        assert!(kept(12, 3).ends_with("3 of them were added in another tab: reload the page to see them."));
    }
}
