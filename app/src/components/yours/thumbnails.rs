//! Images in a row, each of which can be taken out.

use crate::components::Pixels;
use crate::lab::NormalImage;
use crate::text;
use leptos::prelude::*;

/// A button for each image.
#[component]
pub fn Thumbnails(
    testid: &'static str,
    /// `id` or `ood`: their colour.
    kind: &'static str,
    images: RwSignal<Vec<NormalImage>>,
    take_out: impl Fn(u32) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    view! {
        <ul class="thumbnails" hidden=move || images.with(Vec::is_empty) data-testid=testid data-kind=kind>
            <For each=move || images.get() key=|image| image.key let(image)>
                <li>
                    <button
                        type="button"
                        class="thumbnail"
                        aria-label=text::yours::remove(&image.name)
                        title=text::yours::remove(&image.name)
                        on:click=move |_| take_out(image.key)
                    >
                        <Pixels planes=image.pixels.to_vec() label=""/>
                    </button>
                </li>
            </For>
        </ul>
    }
}
