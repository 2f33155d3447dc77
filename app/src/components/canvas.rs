//! Three planes of bytes as a square picture.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

/// Paints planes of red, green and blue on a canvas of their size; the style sheet enlarges it.
#[component]
pub fn Pixels(
    /// The three planes.
    #[prop(into)]
    planes: Vec<u8>,
    /// What the picture shows, for those who cannot see it; empty where other text says it.
    #[prop(into)]
    label: Signal<String>,
) -> impl IntoView {
    let canvas = NodeRef::<html::Canvas>::new();
    let side = side(&planes).to_string();
    canvas.on_load(move |canvas| {
        if let Err(error) = paint(&canvas, &planes) {
            web_sys::console::error_1(&error);
        }
    });
    let hidden = move || label.with(String::is_empty).then_some("true");
    view! { <canvas node_ref=canvas width=side.clone() height=side role="img" aria-label=label aria-hidden=hidden></canvas> }
}

/// Puts the planes on the canvas.
pub fn paint(canvas: &HtmlCanvasElement, planes: &[u8]) -> Result<(), JsValue> {
    let context: CanvasRenderingContext2d = canvas.get_context("2d")?.ok_or(JsValue::NULL)?.dyn_into()?;
    let side = side(planes);
    // The browser's image is a view of this memory, not a copy: it must live until it is on the canvas.
    let rgba = rgba(planes, side);
    let image = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&rgba), side, side)?;
    context.put_image_data(&image, 0.0, 0.0)
}

/// Pixels along an edge.
fn side(planes: &[u8]) -> u32 {
    (planes.len() / 3).isqrt().max(1) as u32
}

fn rgba(planes: &[u8], side: u32) -> Vec<u8> {
    let area = (side * side) as usize;
    let channel = |pixel: usize, channel: usize| planes.get(channel * area + pixel).copied().unwrap_or(0);
    (0..area).flat_map(|p| [channel(p, 0), channel(p, 1), channel(p, 2), 255]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_become_pixels() {
        let mut planes = vec![0; 3 * 1024];
        (planes[1], planes[1025], planes[2049]) = (10, 20, 30);
        assert_eq!(side(&planes), 32);
        assert_eq!(rgba(&planes, 32)[4..8], [10, 20, 30, 255]);
        // Of 16 x 16, and of nothing at all.
        assert_eq!((side(&[0; 3 * 256]), side(&[])), (16, 1));
        assert_eq!(rgba(&[], 1).len(), 4);
    }
}
