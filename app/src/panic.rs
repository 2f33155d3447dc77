//! A panic of the page is shown, not hidden: nothing would answer any more, and people should know why.

use leptos::prelude::document;
use std::panic::{self, PanicHookInfo};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlElement};

/// From now on a panic reveals the banner `#panic` of `index.html` with its message and a link that reloads.
pub fn show_panics() {
    panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&JsValue::from_str(&info.to_string()));
        show(info);
    }));
}

fn show(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("no message");
    let file = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_string();
    let place = info.location().map_or(String::new(), |at| format!(" ({}:{})", file(at.file()), at.line()));
    // A modal dialog, also one that opens only now, would lie above the banner and keep its link out of reach.
    if let Ok(dialogs) = document().query_selector_all("dialog") {
        for at in 0..dialogs.length() {
            if let Some(dialog) = dialogs.item(at).and_then(|node| node.dyn_into::<Element>().ok()) {
                dialog.remove();
            }
        }
    }
    // A program that has panicked panics again at the next event; the first message is the cause.
    let Some(banner) = document().get_element_by_id("panic").filter(|banner| banner.has_attribute("hidden")) else {
        return;
    };
    if let Ok(Some(text)) = banner.query_selector("[data-message]") {
        text.set_text_content(Some(&format!("The page stopped: {message}{place}.")));
    }
    let _ = banner.remove_attribute("hidden");
    if let Ok(Some(link)) = banner.query_selector("a").map(|found| found.and_then(|a| a.dyn_into::<HtmlElement>().ok()))
    {
        let _ = link.focus();
    }
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute("data-state", "error");
    }
}
