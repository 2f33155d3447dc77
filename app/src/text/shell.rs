//! What stands around the views.

use crate::state::View;

/// The links to the views.
pub const VIEWS: &str = "Views";
pub const COPY: &str = "Copy link";
pub const COPIED: &str = "Copied";
/// The browser did not allow it.
pub const NOT_COPIED: &str = "Copy the address bar";
pub const PRESENT: &str = "Present";
pub const KIOSK: &str = "This story walks by itself. Touch it, and it waits for you.";
pub const KEYS_TITLE: &str = "Keys";
/// Closes the list of keys.
pub const CLOSE: &str = "Close";
/// Keys, and what they do.
pub const KEYS: [(&str, &str); 8] = [
    ("1 2 3 4 5 6", "Go to a view"),
    ("← →", "Previous or next scene, in the story and while presenting"),
    ("PgUp PgDn", "The same, for remote controls"),
    ("p", "Present, and stop presenting"),
    ("Esc", "Stop presenting"),
    ("?", "This list"),
    ("← → ↑ ↓ + -", "On the sphere: turn and zoom"),
    (". , Enter m Esc", "On the sphere: walk through the images, select, mark, let go"),
];
/// Heading of curves and hypersphere on the first view.
pub const GLANCE_TITLE: &str = "Why it works";
pub const GLANCE_LEAD: &str = "The encoder places every image on a hypersphere. What it learned from, the normal class, should \
     lie close together there, and everything else further away.";
/// To the view of training.
pub const OPEN_COMPACT: &str = "All curves, epoch by epoch, and two models side by side";
/// To the view of the hypersphere.
pub const OPEN_SPHERE: &str = "Turn the sphere, point at images, play the epochs";
/// While a view's program is on its way.
pub const REST_COMING: &str = "Loading this view …";
pub const REST_MISSING: &str = "A part of the page did not arrive: check the connection and try again. If that does not help, reload the page: \
     there may be a new version of it.";
/// Fetches that part again.
pub const REST_AGAIN: &str = "Try again";

pub fn view(view: View) -> &'static str {
    match view {
        View::Score => "Score",
        View::Separate => "Separate",
        View::Compact => "Compact",
        View::Sphere => "Sphere",
        View::Train => "Train",
        View::Story => "Story",
        View::Yours => "Yours",
    }
}

/// Title of the browser's window.
pub fn window_title(shown: View) -> String {
    format!("{} · NSA Lab", view(shown))
}

/// Saves a file of a kind.
pub fn save(kind: &str) -> String {
    format!("Save {kind}")
}
