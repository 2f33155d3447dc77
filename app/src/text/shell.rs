//! What stands around the views.

use crate::state::View;

/// The links to the views.
pub const VIEWS: &str = "Views";

/// Names of views.
pub fn view(view: View) -> &'static str {
    match view {
        View::Score => "Score",
        View::Separate => "Separate",
        View::Compact => "Compact",
    }
}

/// Title of the browser's window.
pub fn window_title(shown: View) -> String {
    format!("{} · NSA Lab", view(shown))
}
