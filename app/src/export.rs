//! Charts as files: SVG, PNG, and their data as CSV.

use crate::charts::Table;
use js_sys::{Array, Uint8Array};
use leptos::prelude::{document, window};
use std::fmt::Write;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Blob, BlobPropertyBag, CanvasRenderingContext2d, HtmlAnchorElement, HtmlCanvasElement, HtmlImageElement,
};

/// Pixels of a PNG in a CSS pixel of the chart: sharp on a projector.
const SCALE: f64 = 3.0;

/// What each class of a chart's drawing looks like in a file, which has no style sheet: the light theme, on white.
/// Attributes, not styles: the page's content security policy also holds for what it draws.
const LOOKS: [(&str, &str); 17] = [
    ("axis", r##"fill="#566173""##),
    ("line axis", r##"fill="none" stroke="#848fa1""##),
    ("line grid", r##"fill="none" stroke="#dde1e8""##),
    ("line faint", r##"fill="none" stroke="#848fa1" stroke-width="1.4" opacity="0.6""##),
    ("line id", r##"fill="none" stroke="#0072b2" stroke-width="2.5""##),
    ("line ood", r##"fill="none" stroke="#d55e00" stroke-width="2.5" stroke-dasharray="7 5""##),
    ("line both", r##"fill="none" stroke="#141c28" stroke-width="2.5""##),
    ("line second", r##"fill="none" stroke="#9b3fb0" stroke-width="2.5" stroke-dasharray="7 4""##),
    ("fill id", r##"fill="#0072b2" opacity="0.3""##),
    ("fill ood", r##"fill="#d55e00" opacity="0.26""##),
    ("fill both", r##"fill="#141c28" opacity="0.07""##),
    ("threshold", r##"fill="#ffffff" stroke="#141c28" stroke-width="2""##),
    ("mark", r##"fill="#ffffff" stroke="#141c28" stroke-width="1.5""##),
    ("selected", r##"fill="none" stroke="#141c28" stroke-width="2" stroke-dasharray="2 3""##),
    ("marked", r##"fill="none" stroke="#9b3fb0" stroke-width="2.5""##),
    ("own", r##"fill="#00825f" stroke="#00825f" stroke-width="2.5""##),
    ("bad", r##"fill="#b3261e""##),
];

/// A table as CSV (RFC 4180).
pub fn csv(table: &Table) -> String {
    let cell = |text: &String| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.clone(),
    };
    let line = |cells: &Vec<String>| cells.iter().map(cell).collect::<Vec<_>>().join(",") + "\r\n";
    std::iter::once(&table.head).chain(&table.rows).map(line).collect()
}

/// A chart's drawing (the inside of its `<svg>`) as a file that stands alone.
pub fn svg(inside: &str, width: f64, height: f64) -> String {
    let mut file = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\"><rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>"
    );
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once(" class=\"") {
        file += before;
        let (class, after) = after.split_once('"').unwrap_or((after, ""));
        if let Some((_, look)) = LOOKS.iter().find(|(known, _)| *known == class) {
            let _ = write!(file, " {look}");
        }
        rest = after;
    }
    file + rest + "</svg>\n"
}

/// Hands a file to the person.
pub fn save(name: &str, kind: &str, bytes: &[u8]) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(kind);
    save_blob(name, &Blob::new_with_u8_array_sequence_and_options(&Array::of1(&Uint8Array::from(bytes)), &options)?)
}

/// Hands a canvas to the person as PNG.
pub async fn save_canvas(name: &str, canvas: &HtmlCanvasElement) -> Result<(), JsValue> {
    let promise = js_sys::Promise::new(&mut |resolve, reject| {
        if let Err(error) = canvas.to_blob(&resolve) {
            let _ = reject.call1(&JsValue::NULL, &error);
        }
    });
    save_blob(name, &JsFuture::from(promise).await?.dyn_into::<Blob>()?)
}

/// Hands a chart's SVG file to the person as PNG.
pub async fn save_png(name: &str, svg: &str, width: f64, height: f64) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type("image/svg+xml");
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&svg.into()), &options)?;
    let url = web_sys::Url::create_object_url_with_blob(&blob)?;
    let image = HtmlImageElement::new()?;
    image.set_src(&url);
    let decoded = JsFuture::from(image.decode()).await;
    web_sys::Url::revoke_object_url(&url)?;
    decoded?;
    let canvas: HtmlCanvasElement = document().create_element("canvas")?.dyn_into()?;
    canvas.set_width((width * SCALE) as u32);
    canvas.set_height((height * SCALE) as u32);
    let context: CanvasRenderingContext2d = canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into()?;
    context.draw_image_with_html_image_element_and_dw_and_dh(&image, 0.0, 0.0, width * SCALE, height * SCALE)?;
    save_canvas(name, &canvas).await
}

fn save_blob(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = web_sys::Url::create_object_url_with_blob(blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.dyn_into()?;
    link.set_href(&url);
    link.set_download(name);
    link.click();
    // The browser reads the address a moment after the click.
    let revoke = Closure::once_into_js(move || {
        let _ = web_sys::Url::revoke_object_url(&url);
    });
    window().set_timeout_with_callback_and_timeout_and_arguments_0(revoke.unchecked_ref(), 10_000)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_becomes_csv() {
        let table = Table::new(&["Score, k-Cos", "n"], vec![vec!["0.5".into(), "a \"b\"".into()]]);
        assert_eq!(csv(&table), "\"Score, k-Cos\",n\r\n0.5,\"a \"\"b\"\"\"\r\n");
    }

    #[test]
    fn a_drawing_becomes_a_file_with_colours() {
        let inside =
            r#"<polyline class="line id" points="0,0 1,1"/><text class="axis" x="1">a &lt; b</text><g class="x"/>"#;
        let file = svg(inside, 30.0, 20.0);
        assert!(file.starts_with("<svg xmlns=") && file.ends_with("</svg>\n"));
        assert!(file.contains(r##"<polyline fill="none" stroke="#0072b2" stroke-width="2.5" points="0,0 1,1"/>"##));
        assert!(file.contains(r##"<text fill="#566173" x="1">a &lt; b</text><g/>"##));
        assert!(!file.contains("class="));
    }

    #[test]
    fn every_ink_has_a_look() {
        use crate::charts::{histogram, roc, training};
        use nsa_core::measure::History;
        let bounds = training::Measure::Kappa.bounds(&[], None);
        let plots = [
            histogram::plot((300.0, 200.0), &[0.1], &[0.9], 0.0..1.0, None),
            roc::plot((300.0, 200.0), &[0.1], &[0.9]),
            training::Measure::Kappa.plot((300.0, 200.0), &History::default(), None, &bounds),
        ];
        for class in plots.iter().flat_map(|p| p.svg.split("class=\"").skip(1)).filter_map(|s| s.split('"').next()) {
            assert!(LOOKS.iter().any(|(known, _)| *known == class), "{class}");
        }
    }
}
